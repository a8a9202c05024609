/** What `import … with { type: "file" }` gives for a shared library: its path. */
declare module "*.so" {
  const path: string;
  export default path;
}
declare module "*.dylib" {
  const path: string;
  export default path;
}

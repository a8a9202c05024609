/** `robyn routes app.ts`: what an app answers, without serving it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { type Folder, temporaryFolder } from "../support/folder.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

const source = `import { Robyn } from "robyn";
import { admin } from "./admin.ts";

const app = new Robyn();
app.startupHandler(() => console.log("must not run"));
app.beforeRequest("/admin/*", () => {});
app.get("/health", { const: true }, () => "ok");
app.get(
  "/users/:id",
  { beforeRequest: [() => {}, () => {}] },
  () => "user",
);
app.addRoute("PROPFIND", "/dav/*path", {}, () => "");
app.includeRouter(admin);
`;

const files = (ending: string) => ({
  "app.ts": source + ending,
  "admin.ts": `import { SubRouter } from "robyn";
export const admin = new SubRouter("/admin")
  .afterRequest(() => {})
  .post("/", () => "");
`,
});

async function list(folder: Folder, ...flags: string[]): Promise<string> {
  await using child = robyn(["routes", "app.ts", ...flags], { cwd: folder.path });
  const { code, stdout, stderr } = await child.ended();
  expect({ code, stderr: stderr.replace(/.*Zig core.*\n/, "") }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("prints a table with method, path, const, hooks and where it was defined", async () => {
  using folder = temporaryFolder(files("export default app;"));
  expect(await list(folder)).toMatchInlineSnapshot(`
    "METHOD    PATH        CONST  HOOKS  DEFINED AT
    GET       /health     const         app.ts:7
    GET       /users/:id         2      app.ts:8
    PROPFIND  /dav/*path                app.ts:13
    POST      /admin             2      admin.ts:4
    "
  `);
});

test("--json prints the same as data", async () => {
  using folder = temporaryFolder(files("export default app;"));
  expect(JSON.parse(await list(folder, "--json"))).toEqual([
    { method: "GET", path: "/health", location: "app.ts:7", const: true, hooks: 0 },
    { method: "GET", path: "/users/:id", location: "app.ts:8", const: false, hooks: 2 },
    { method: "PROPFIND", path: "/dav/*path", location: "app.ts:13", const: false, hooks: 0 },
    { method: "POST", path: "/admin", location: "admin.ts:4", const: false, hooks: 2 },
  ]);
});

test.each(["app.start();", "await app.start();", "await app.start(); export default app;"])(
  "lists an app that ends with %j, and does not start it",
  async (ending) => {
    using folder = temporaryFolder(files(ending));
    const rows = JSON.parse(await list(folder, "--json"));
    expect(rows).toHaveLength(4);
  },
);

test("an app without routes has an empty list", async () => {
  using folder = temporaryFolder({
    "app.ts": 'import { Robyn } from "robyn"; export default new Robyn();',
  });
  expect(await list(folder, "--json")).toBe("[]\n");
});

test("a file without app, and one that is missing, end with 1", async () => {
  using folder = temporaryFolder({ "app.ts": "export const nothing = 1;" });
  for (const [name, code] of [
    ["app.ts", "ROBYN_APP_INVALID"],
    ["missing.ts", "ROBYN_APP_NOT_FOUND"],
  ] as const) {
    await using child = robyn(["routes", name], { cwd: folder.path });
    const ended = await child.ended();
    expect(ended.code).toBe(1);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toContain(`[${code}]`);
  }
});

test("an app with a conflict ends with 1, naming both routes", async () => {
  using folder = temporaryFolder({
    "app.ts": `import { Robyn } from "robyn";
      export default new Robyn()
        .get("/a/:x", () => "")
        .get("/a/:y", () => "");`,
  });
  await using child = robyn(["routes", "app.ts"], { cwd: folder.path });
  const { code, stderr } = await child.ended();
  expect(code).toBe(1);
  expect(stderr).toContain("GET /a/:y (app.ts:4)");
  expect(stderr).toContain("GET /a/:x (app.ts:3)");
});

/** The least that can answer: what starting Bun costs. */
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  development: false,
  fetch: () => new Response("Hello, world"),
});

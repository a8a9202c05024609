/**
 * Why Bun's own directory route is no accelerator for ours: its answers are others. Should Bun change one of these, the
 * decision in `src/README.md` can be made again.
 */
import { expect, test } from "bun:test";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, request } from "../support/raw.ts";

test("Bun's directory route gives other answers than serveDirectory", async () => {
  using folder = temporaryFolder({ "a.txt": "a", ".env": "hidden", "docs/index.html": "x" });
  const server = Bun.serve({
    port: 0,
    development: false,
    routes: { "/s/*": { dir: folder.path } },
    fetch: () => new Response(null, { status: 404 }),
  });
  try {
    const ask = (target: string, method = "GET", headers = {}) =>
      exchange(server.port!, request(method, target, headers), method);
    const file = await ask("/s/a.txt");
    expect(file.headers["etag"]).toStartWith("W/");
    expect(file.headers["cache-control"]).toBeUndefined();
    expect(file.headers["x-content-type-options"]).toBeUndefined();
    expect((await ask("/s/.env")).status).toBe(200);
    expect((await ask("/s/a.txt", "POST")).status).toBe(200);
    const several = await ask("/s/docs/index.html", "GET", { Range: "bytes=0-0, -0" });
    expect(several.status).toBe(200);
    // A path in another spelling is 404 there and the file here.
    expect((await ask("/s/%61.txt")).status).toBe(404);
  } finally {
    await server.stop(true);
  }
});

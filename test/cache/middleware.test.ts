/** What comes after the handler works on kept answers as on others, over a socket. */
import { expect, test } from "bun:test";
import { compress, etag } from "robyn";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const long = JSON.stringify({ words: "lorem ipsum ".repeat(500) });

test("each client gets the coding that it takes, and the kept bytes are those of the handler", async () => {
  const app = quietApp();
  let runs = 0;
  app.afterRequest(compress());
  app.get("/", { cache: 60 }, () => {
    runs++;
    return new Response(long, { headers: { "content-type": "application/json" } });
  });
  await using server = await serveApp(app);
  for (const coding of ["gzip", "br", "zstd", "identity", "gzip", "identity"]) {
    const response = await fetch(server.url(), { headers: { "accept-encoding": coding } });
    expect(response.headers.get("content-encoding")).toBe(coding === "identity" ? null : coding);
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect(await response.text()).toBe(long);
  }
  expect(runs).toBe(1);
});

test("kept answers are tagged, compared, and a 304 has no body and leaves the next one whole", async () => {
  const app = quietApp();
  let runs = 0;
  app.afterRequest(compress());
  app.afterRequest(etag());
  app.get("/", { cache: 60 }, () => {
    runs++;
    return { long };
  });
  await using server = await serveApp(app);
  const first = await fetch(server.url(), { headers: { "accept-encoding": "identity" } });
  const tag = first.headers.get("etag")!;
  for (let round = 0; round < 3; round++) {
    const again = await fetch(server.url(), { headers: { "if-none-match": tag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect(again.headers.get("cache-status")).toStartWith("robyn; hit");
    const whole = await fetch(server.url(), { headers: { "if-none-match": '"other"' } });
    expect(await whole.json()).toEqual({ long });
  }
  const precondition = await fetch(server.url(), { headers: { "if-match": '"other"' } });
  expect(precondition.status).toBe(412);
  expect(runs).toBe(1);
});

test("HEAD has the head of GET, length included", async () => {
  const app = quietApp();
  app.get("/", { cache: 60 }, () => ({ long }));
  await using server = await serveApp(app);
  const get = await exchange(server.port, request("GET", "/"));
  await exchange(server.port, request("GET", "/"));
  const head = await exchange(server.port, request("HEAD", "/"), "HEAD");
  const length = String(Buffer.byteLength(get.text));
  expect(head.headers["content-length"]).toBe(length);
  expect(head.headers["cache-status"]).toStartWith("robyn; hit");
});

test("schemas are asked before an answer is made, not before a kept one is sent", async () => {
  const { t } = await import("robyn");
  const app = quietApp();
  app.get(
    "/:id",
    { cache: 60, params: t.Object({ id: t.Integer() }), response: t.Object({ id: t.Integer() }) },
    ({ params }) => ({ ...params, secret: "dropped" }),
  );
  for (let round = 0; round < 2; round++) {
    expect(await (await app.request("/7")).json()).toEqual({ id: 7 });
    expect((await app.request("/x")).status).toBe(422);
  }
});

/** Connections between two requests. */
import { expect, test } from "bun:test";
import { RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

test("a connection in use is not closed, however short the timeout is", async () => {
  const app = quietApp();
  app.get("/", () => "x");
  await using server = await serveApp(app, { keepAliveTimeout: 1 });
  using client = await RawClient.connect(server.port);
  // Bun looks at its timers every four seconds: one look is in between.
  const end = performance.now() + 4_500;
  while (performance.now() < end) {
    expect((await client.send(request("GET", "/")).next()).text).toBe("x");
    await Bun.sleep(100);
  }
  expect(client.isClosed).toBe(false);
}, 15_000);

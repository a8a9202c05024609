/** Nothing is accepted and ignored. */
import { describe, expect, test } from "bun:test";
import { Robyn, type RobynOptions, SubRouter } from "robyn";
import { listRoutes } from "../../src/cli/commands/routes.ts";
import { quietApp } from "../support/serve.ts";

function define(options: object): Robyn {
  return quietApp().websocket("/", options as {});
}

describe("a WebSocket route", () => {
  test("refuses unknown options by name, those of the whole app and of other routes too", () => {
    for (const name of [
      "mesage",
      "idleTimeout",
      "backpressureLimit",
      "perMessageDeflate",
      "const",
      "body",
      "responseHeaders",
    ])
      expect(() => define({ [name]: 1 })).toThrow(new RegExp(`"${name}".*ROBYN_OPTION_INVALID`));
  });

  test("refuses what is no function", () => {
    for (const name of ["open", "message", "close", "drain", "error", "beforeUpgrade"])
      expect(() => define({ [name]: "x" })).toThrow(new RegExp(`"${name}".*ROBYN_HANDLER_INVALID`));
    const handler = "x" as unknown as () => Promise<void>;
    expect(() => quietApp().websocket("/", {}, handler)).toThrow("ROBYN_HANDLER_INVALID");
  });

  test.each([
    ["schema", 7],
    ["response", "x"],
    ["params", 7],
    ["maxPayload", 0],
    ["maxPayload", 1.5],
    ["maxPayload", 2 ** 31],
    ["invalid", "ignore"],
    ["slow", "wait"],
    ["compress", "yes"],
    ["protocols", "v1"],
    ["protocols", ["a b"]],
    ["origin", 7],
    ["timeout", -1],
  ])("refuses the value of %s: %p", (name, value) => {
    expect(define({ [name]: value }).compile()).rejects.toThrow("ROBYN_OPTION_INVALID");
  });

  test("is refused after the start, and without options", async () => {
    const app = quietApp();
    await app.compile();
    expect(() => app.websocket("/", {})).toThrow("ROBYN_SEALED");
    const websocket = quietApp().websocket as (path: string) => unknown;
    expect(() => websocket("/")).toThrow("ROBYN_OPTION_INVALID");
  });

  test("is listed as WS, with its hooks", async () => {
    const app = quietApp()
      .get("/", () => "")
      .beforeRequest(() => {})
      .websocket("/", {});
    const rows = (await listRoutes(app)).map(({ method, path, hooks }) => [method, path, hooks]);
    expect(rows).toEqual([
      ["GET", "/", 1],
      ["WS", "/", 1],
    ]);
  });

  test("chains, on the app and on a SubRouter", () => {
    const router = new SubRouter("/a");
    expect(router.websocket("/", {})).toBe(router);
    const app = quietApp();
    expect(app.websocket("/", {}, async () => {})).toBe(app);
  });
});

describe("new Robyn", () => {
  test.each([
    { websockets: { maxPayload: 0 } },
    { websockets: { backpressureLimit: 10 } },
    { websockets: { idleTimeout: 7 } },
    { websockets: { idleTimeout: 961 } },
    { websockets: { sendPings: 1 } },
    { websockets: { publishToSelf: true } },
    { websockets: 7 },
    { topics: { history: 0 } },
    { topics: { historySize: -1 } },
    { topics: { histroy: 1 } },
  ])("refuses %j", (options) => {
    expect(() => new Robyn(options as RobynOptions)).toThrow("ROBYN_OPTION_INVALID");
  });
});

/** The files beside this one are held by `bun check`, a part of the test command; here they only have to load. */
import { expect, test } from "bun:test";
import { Robyn } from "../../src/index.ts";
import { mistakes, sockets as clientSockets, streams } from "./client.ts";
import { declared, helpers as injectedHelpers, injected, statements } from "./injection.ts";
import { routes, subRouter, withoutPrefix } from "./params.ts";
import { helpers, signatures, state } from "./signatures.ts";
import { sockets, socketsBelow, socketsWithState } from "./websocket.ts";

test("what the type tests define also runs", () => {
  const app = new Robyn();
  routes(app);
  expect(app.includeRouter(subRouter()).includeRouter(withoutPrefix())).toBe(app);
  expect(app.includeRouter(socketsBelow())).toBe(app);
  helpers(app);
  state();
  socketsWithState();
  injected();
  injectedHelpers();
  statements();
  declared();
});

test("what the type tests expect to be wrong is refused when it runs as well", () => {
  expect(() => signatures(new Robyn())).toThrow("ROBYN_OPTION_INVALID");
  expect(() => sockets(new Robyn())).toThrow("ROBYN_OPTION_INVALID");
});

test("what the types of the client allow also runs, and what they do not is refused", async () => {
  clientSockets();
  mistakes();
  await streams();
});

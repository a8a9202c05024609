/** Options before the handler, and nothing that would be passed over in silence. */
import { z } from "zod";
import {
  type AfterHook,
  type BeforeHook,
  type Context,
  type Handler,
  Robyn,
  type RouteOptions,
  type StartOptions,
  SubRouter,
} from "../../src/index.ts";
import { type Equal, expectType } from "./equal.ts";

const answer = () => "answer";

export function signatures(app: Robyn): void {
  expectType<Equal<ReturnType<typeof app.get>, Robyn>>();
  app.get("/", answer).post("/", answer).put("/", answer).patch("/", answer).delete("/", answer);
  app.head("/", answer).options("/", answer).trace("/", answer);
  app.get("/", { const: true, statusCode: 203 }, answer);
  app.get("/", { beforeRequest: () => {}, afterRequest: [(response) => response] }, answer);
  app.addRoute("PURGE", "/", {}, answer);

  // @ts-expect-error the options come first
  app.get("/", answer, { const: true });
  // @ts-expect-error a mistyped option
  app.get("/", { cnost: true }, answer);
  // @ts-expect-error an option of the wrong type
  app.get("/", { const: "yes" }, answer);
  // @ts-expect-error a route without a handler
  app.get("/");
  // @ts-expect-error a value is no handler
  app.get("/", "answer");
  // @ts-expect-error one handler per route
  app.get("/", {}, answer, answer);
  // @ts-expect-error addRoute always has options
  app.addRoute("GET", "/", answer);
  // @ts-expect-error CONNECT has no method of its own
  app.connect("/", answer);
  // @ts-expect-error a record is no router to include
  app.includeRouter({});
  // @ts-expect-error a mistyped option of the application
  new Robyn({ stritc: true });
  // @ts-expect-error a core that there is not
  new Robyn({ core: "rust" });
  // @ts-expect-error a mistyped option of start
  const start: StartOptions = { prot: 80 };
  // @ts-expect-error a mistyped option of a SubRouter
  new SubRouter("/a", { tag: ["a"] });
  const options: RouteOptions = { const: false };
  app.get("/", options, answer);
  void start;
}

interface State extends Record<string, unknown> {
  user: { name: string };
}

export function state(): void {
  const app = new Robyn<State>();
  app.beforeRequest(({ state }) => {
    expectType<Equal<typeof state, State>>();
    state.user = { name: "Ann" };
    // @ts-expect-error not the type of a user
    state.user = "Ann";
  });
  app.afterRequest("/a/*", (response, { state }) => {
    expectType<Equal<typeof state, State>>();
    response.headers.set("x-user", state.user.name);
  });
  app.exception((error, { state }) => {
    expectType<Equal<typeof error, unknown>>();
    return state.user.name;
  });
  app.get("/:id", ({ state, params }) => state.user.name + params.id);
  app.get(
    "/b",
    { beforeRequest: ({ state }) => void (state.user satisfies { name: string }) },
    ({ state }) => {
      expectType<Equal<typeof state, State>>();
      return state.user.name;
    },
  );
  const router = new SubRouter<"/admin", State>("/admin");
  router.get("/:page", ({ state, params }) => state.user.name + params.page);
  app.includeRouter(router);
}

/** A response schema sees what the handler returns, so that is what the compiler has to ask for. */
export function answers(app: Robyn): void {
  const Answer = z.object({ count: z.string().transform(Number), kind: z.string().default("x") });
  app.get("/", { response: Answer }, () => ({ count: "1" }));
  app.get("/", { response: { 201: Answer } }, ({ status }) => status(201, { count: "1" }));
  // @ts-expect-error what the schema makes of it is not what it takes
  app.get("/", { response: Answer }, () => ({ count: 1 }));
}

export function helpers(app: Robyn): void {
  const requireUser: BeforeHook<Record<string, unknown>> = ({ status }) => status(401, "who?");
  const stamp: AfterHook<Record<string, unknown>> = (response) =>
    void response.headers.set("x", "1");
  const show: Handler<{ id: string }, Record<string, unknown>> = ({ params }) => params.id;
  app.beforeRequest(requireUser).afterRequest("/a", stamp);
  app.get("/:id", { beforeRequest: [requireUser], afterRequest: stamp }, show);
  // @ts-expect-error the path has no id for this handler
  app.get("/:name", show);
  expectType<Equal<Context["params"], Record<string, string>>>();
  expectType<Equal<Context<{ id: string }, State>["params"], { id: string }>>();
  expectType<Equal<ReturnType<Context["json"]>, Promise<unknown>>>();
}

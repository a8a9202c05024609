// Hooks: before and after the handler, for all requests, for a pattern, for one route.
// Run it: bunx robyn examples/04-hooks/app.ts
import { HttpError, Robyn } from "robyn";

interface State {
  startedAt: number;
  user: string;
}

const app = new Robyn<State>();

// For every request, also those that end as 404 or 405. Nothing is returned, so the request goes on.
app.beforeRequest(({ state }) => {
  state.startedAt = performance.now();
});

// For a pattern. A hook that returns a value answers with it; one that throws ends in the error handlers.
app.beforeRequest("/account/*", ({ headers, state }) => {
  const token = headers.get("authorization");
  if (token !== "Bearer let-me-in") {
    throw new HttpError(401, "send the header: Authorization: Bearer let-me-in", {
      headers: { "www-authenticate": "Bearer" },
    });
  }
  state.user = "ada";
});

// After hooks see every response, errors included; the innermost runs first.
app.afterRequest((response, { state }) => {
  response.headers.set(
    "server-timing",
    `app;dur=${(performance.now() - state.startedAt).toFixed(2)}`,
  );
});

app.get("/", () => "open to everybody");
app.get("/account", ({ state }) => ({ user: state.user }));

// A hook of one route alone.
app.get(
  "/maintenance",
  { beforeRequest: ({ status }) => status(503, { retry: "in an hour" }) },
  () => "never reached",
);

export default app;

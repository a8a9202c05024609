// Path parameters: typed from the path, decoded once. Run it: bunx robyn examples/02-path-parameters/app.ts
import { HttpError, Robyn } from "robyn";

const app = new Robyn();

// `params` is { id: string }; the compiler refuses params.name.
app.get("/users/:id", ({ params }) => ({ id: params.id }));

// A literal beats a parameter, whatever the order of definition.
app.get("/users/me", () => ({ id: "me" }));

// Several parameters, and a check that answers with a problem document.
app.get("/orders/:year/:number", ({ params }) => {
  const year = Number(params.year);
  if (!Number.isInteger(year)) throw new HttpError(400, "the year is not a number");
  return { year, number: params.number };
});

// The rest of a path, at least one character; "/files/*" would take an empty rest too.
app.get("/files/*path", ({ params }) => `you asked for ${params.path}`);

// Repeated query keys are kept: /search?tag=a&tag=b
app.get("/search", ({ query }) => ({ text: query.text ?? null, tags: [query.tag ?? []].flat() }));

export default app;

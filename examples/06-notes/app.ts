// A notes API over SQLite: list, search, read, create, change, delete. Run it: bun start
//
//   curl localhost:8080/notes -d '{"title":"Milk","text":"two litres"}'
//   curl 'localhost:8080/notes?search=milk'
import { HttpError, Robyn, SubRouter } from "robyn";
import { type Draft, type Note, openNotes } from "./notes.ts";

const notes = openNotes(process.env.NOTES_FILE ?? "notes.sqlite");
const app = new Robyn();

app.get("/health", { const: true }, () => ({ status: "healthy" }));

app.get("/", { const: true }, ({ html }) =>
  html(
    "<!doctype html><title>Notes</title><h1>Notes</h1><p>The notes are at <a href=/notes>/notes</a>.",
  ),
);

const api = new SubRouter("/notes", { tags: ["notes"] })
  .afterRequest((response) => {
    response.headers.set("cache-control", "no-store");
  })
  .get("/", ({ query }) => notes.list([query.search].flat()[0]))
  .get("/:id", ({ params }) => notes.read(toId(params.id)) ?? missing(params.id))
  .post("/", async ({ json, status }) => status(201, notes.create(toDraft(await json()))))
  .put("/:id", async ({ params, json }): Promise<Note> => {
    const draft = toDraft(await json());
    return notes.change(toId(params.id), draft) ?? missing(params.id);
  })
  .delete("/:id", ({ params, status }) =>
    notes.remove(toId(params.id)) ? status(204) : missing(params.id),
  );

app.includeRouter(api);
app.shutdownHandler(() => notes.close());

function toId(text: string): number {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : missing(text);
}

function missing(id: string): never {
  throw new HttpError(404, `no note has the id ${JSON.stringify(id)}`);
}

function toDraft(value: unknown): Draft {
  const { title, text } = Object(value) as Partial<Record<keyof Draft, unknown>>;
  if (typeof title !== "string" || title === "" || typeof text !== "string") {
    throw new HttpError(422, 'a note is an object: { "title": a text, not empty, "text": a text }');
  }
  return { title, text };
}

export default app;

// Uploads: a page with a form, files on disk within limits, and a list of them.
// Run it: bunx robyn examples/08-uploads/app.ts, then open http://127.0.0.1:8080
//
//   curl localhost:8080/files -F title=Holiday -F photos=@sea.jpg -F photos=@sun.jpg
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HttpError, Robyn, t } from "robyn";

const directory = process.env.UPLOADS ?? "uploads";
mkdirSync(directory, { recursive: true });

interface Stored {
  id: string;
  title: string;
  name: string;
  type: string;
  size: number;
}

const stored = new Map<string, Stored>();
const app = new Robyn();

app.get("/", ({ html }) => {
  const rows = [...stored.values()].map(
    ({ id, title, name, size }) =>
      // Both texts come from a client.
      `<li><a href="/files/${id}">${Bun.escapeHTML(name)}</a>, ${size} bytes: ${Bun.escapeHTML(title)}`,
  );
  return html(`<!doctype html><meta charset=utf-8><title>Uploads</title>
<form method=post action=/files enctype=multipart/form-data>
  <input name=title placeholder=Title required>
  <input name=photos type=file accept="image/*" multiple required>
  <button>Upload</button>
</form>
<ul>${rows.join("\n")}</ul>`);
});

app.get("/files", () => [...stored.values()]);

app.post(
  "/files",
  {
    body: t.Object({
      title: t.String({ minLength: 1, maxLength: 100 }),
      photos: t.Files({ maxItems: 5, maxSize: 20_000_000, types: ["image/*"] }),
    }),
    bodyType: "form",
    // The whole form, one file of it, and how long a slow connection may take.
    maxPayloadSize: 50_000_000,
    form: { maxFileSize: 20_000_000, maxParts: 10 },
    uploadTimeout: 300,
  },
  async ({ body, request, redirect, status }) => {
    const files: Stored[] = [];
    for (const photo of body.photos) {
      // The name on disk is ours. That of the client is only shown.
      const id = crypto.randomUUID();
      await photo.saveTo(join(directory, id));
      const { name, type, size } = photo;
      files.push({ id, title: body.title, name, type, size });
    }
    for (const file of files) stored.set(file.id, file);
    return request.headers.get("accept")?.includes("text/html")
      ? redirect("/", 303)
      : status(201, files);
  },
);

app.get("/files/:id", ({ params }) => {
  const file = stored.get(params.id);
  if (file === undefined) throw new HttpError(404, "there is no such file");
  return new Response(Bun.file(join(directory, file.id)), {
    headers: {
      // What a client calls an image may be a page: it is never to run here.
      "content-type": file.type.startsWith("image/svg") ? "application/octet-stream" : file.type,
      "content-security-policy": "sandbox",
      "x-content-type-options": "nosniff",
    },
  });
});

export default app;

/** `bun robyn.ts <directory>`: keeps bodies in the directory as `saved`, and answers with its file `source`. */
import { join } from "node:path";
import { Robyn, serveFile } from "../../../src/index.ts";
import { host, listening } from "../support.ts";

const directory = process.argv[2] ?? ".";
const saved = join(directory, "saved");
const app = new Robyn();
// The loads end by themselves. What is measured is memory, and a slow disk shall not cut it short.
const limits = { maxPayloadSize: 2 ** 31, uploadTimeout: 300, timeout: 300 };

/** A form with one file, as browsers send it. */
app.post("/form", { ...limits, stream: true, form: { directory } }, async ({ form }) => {
  const { files } = await form();
  const [upload] = files.file ?? [];
  await upload?.saveTo(saved);
  return String(upload?.size);
});

app.put("/stream", { ...limits, stream: true }, async ({ stream }) => {
  const writer = Bun.file(saved).writer();
  let size = 0;
  for await (const chunk of stream() ?? []) {
    size += chunk.length;
    writer.write(chunk);
    await writer.flush();
  }
  await writer.end();
  return String(size);
});

app.get("/file", () => serveFile(join(directory, "source")));

const server = await app.start({ host, port: 0, banner: false });
listening(server.port);

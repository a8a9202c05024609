/** `bun bare.ts <directory>`: the control, without limits on anything. It knows no forms. */
import { join } from "node:path";
import { host, listening } from "../support.ts";

const directory = process.argv[2] ?? ".";
const saved = join(directory, "saved");

const server = Bun.serve({
  hostname: host,
  port: 0,
  development: false,
  maxRequestBodySize: 2 ** 31,
  idleTimeout: 0,
  async fetch({ method, body }) {
    if (method !== "PUT") return new Response(Bun.file(join(directory, "source")));
    const writer = Bun.file(saved).writer();
    let size = 0;
    for await (const chunk of body ?? []) {
      size += chunk.length;
      writer.write(chunk);
      await writer.flush();
    }
    await writer.end();
    return new Response(String(size));
  },
});

listening(server.port);

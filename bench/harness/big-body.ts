/** Large bodies: written, sent and received a block at a time, and compared by their SHA-256. */
import { once } from "node:events";
import { createConnection } from "node:net";
import { contentOf } from "./files.ts";

/** One mebibyte: bodies are whole numbers of it. */
const block = Buffer.from(contentOf("1m.txt"));

/** A stopped transfer is a failure, not a hang. */
const timeoutMilliseconds = 120_000;

/** Makes a file of so many blocks. @returns its hash. */
export async function writeBlocks(path: string, blocks: number): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  const writer = Bun.file(path).writer();
  for (let index = 0; index < blocks; index++) {
    hash.update(block);
    writer.write(block);
    await writer.flush();
  }
  await writer.end();
  return hash.digest("hex");
}

export function hashOfFile(path: string): Promise<string> {
  return hashOf(Bun.file(path).stream());
}

export async function receive(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`wrong answer: the download is ${response.status}`);
  }
  return hashOf(response.body);
}

/**
 * Sends so many blocks with their length declared, as the file of a form or as the body itself, over a socket of its
 * own: `fetch` sends a body that is made on the way in chunks, without its length. @returns their hash.
 */
export async function send(port: number, way: "form" | "stream", blocks: number): Promise<string> {
  const boundary = "robyn-bench-7f3a9c51d2";
  const [head, tail] =
    way === "stream"
      ? ["", ""]
      : [
          `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="big.txt"\r\n` +
            "Content-Type: text/plain\r\n\r\n",
          `\r\n--${boundary}--\r\n`,
        ];
  const length = head.length + blocks * block.length + tail.length;
  const type =
    way === "stream" ? "application/octet-stream" : `multipart/form-data; boundary=${boundary}`;
  const hash = new Bun.CryptoHasher("sha256");

  const socket = createConnection(port, "127.0.0.1");
  socket.setTimeout(timeoutMilliseconds, () => socket.destroy(new Error("the upload stopped")));
  const answer = readAll(socket);
  socket.write(
    `${way === "stream" ? "PUT" : "POST"} /${way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
      `Content-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${head}`,
  );
  for (let index = 0; index < blocks; index++) {
    hash.update(block);
    // A server that refuses answers early and closes: then its answer tells, not the broken pipe.
    if (!socket.write(block)) await Promise.race([once(socket, "drain"), answer]);
  }
  socket.write(tail);
  const [status = "", size = ""] = [
    (await answer).split("\r\n")[0],
    (await answer).split("\r\n\r\n")[1],
  ];
  socket.destroy();
  if (!status.includes(" 200") || size !== String(blocks * block.length)) {
    throw new Error(`wrong answer: the upload is "${status}" with "${size.slice(0, 40)}"`);
  }
  return hash.digest("hex");
}

async function readAll(socket: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk.toString("latin1");
  return text;
}

async function hashOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}

/** An uploaded file, in memory or on disk. */
import {
  chmod,
  copyFile,
  type FileHandle,
  link,
  open,
  readFile,
  rename,
  rm,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Spool } from "./spool.ts";

/** Where the bytes are. */
export type UploadContent =
  | { readonly kind: "memory"; readonly chunks: readonly Uint8Array[] }
  | { readonly kind: "disk"; readonly path: string; readonly spool: Spool };

/**
 * A file of a form. It lives as long as its request: read it, stream it or save it before the handler answers. An
 * answer that streams it is fine.
 */
export class Upload {
  /** What the client calls the file, without directories. To show, never to be used as a path: `a/../b` is one, too. */
  readonly name: string;
  /** Media type as the client declared it, unverified; `application/octet-stream` if it did not. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  readonly #content: UploadContent;

  constructor(name: string, type: string, size: number, content: UploadContent) {
    this.name = name;
    this.type = type;
    this.size = size;
    this.#content = content;
  }

  /** The content, read as fast as it is taken. */
  stream(): ReadableStream<Uint8Array> {
    const content = this.#content;
    return content.kind === "memory"
      ? new Blob(content.chunks as Uint8Array<ArrayBuffer>[]).stream()
      : streamFile(content.path, content.spool);
  }

  /** The content in memory, all of it. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const content = this.#content;
    if (content.kind === "memory") return new Uint8Array(Buffer.concat(content.chunks));
    return new Uint8Array(await readFile(content.path));
  }

  /** The content as UTF-8 text, all of it. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /**
   * Writes the content to `path`, replacing what is there; its directory must exist. Nobody sees half a file: it
   * appears under its name when it is complete. From the same file system no byte is copied.
   *
   * Choose the path yourself: `name` comes from the client. The promise rejects with the error of the file system.
   */
  async saveTo(path: string): Promise<void> {
    const partial = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.part`);
    try {
      if (this.#content.kind === "memory") await writeChunks(partial, this.#content.chunks);
      else await linkOrCopy(this.#content.path, partial);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }
}

const chunk_bytes = 262_144;

/** Opened with the first read. The spool stays until the stream has ended, was cancelled or is forgotten. */
function streamFile(path: string, spool: Spool): ReadableStream<Uint8Array> {
  let file: FileHandle | undefined;
  let isOver = false;
  const end = async () => {
    if (isOver) return;
    isOver = true;
    spool.release();
    await file?.close();
  };
  spool.retain();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          file ??= await open(path);
          const { bytesRead, buffer } = await file.read(
            new Uint8Array(chunk_bytes),
            0,
            chunk_bytes,
          );
          if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead));
          await end();
          controller.close();
        } catch (error) {
          await end();
          throw error;
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

async function writeChunks(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "wx", 0o666);
  try {
    for (const chunk of chunks) await writeAll(file, chunk);
  } finally {
    await file.close();
  }
}

/** A write may take less than it was given. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}

/** The spooled file is private; what is saved has the mode that any new file of this process has. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
  await chmod(to, 0o666 & ~process.umask());
}

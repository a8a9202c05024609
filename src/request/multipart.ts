/** Collects the parts of a multipart form into fields and files (RFC 7578), within its limits. */
import type { FileHandle } from "node:fs/promises";
import { tooLarge } from "./body-limit.ts";
import type { FormLimits } from "./form-options.ts";
import { malformed, MultipartParser } from "./multipart-parser.ts";
import { parsePartHead, type PartHead } from "./part-head.ts";
import type { Form } from "./form.ts";
import { addValue } from "./query.ts";
import { Spool } from "./spool.ts";
import { Upload, type UploadContent, writeAll } from "./upload.ts";

/** `maxFileSize` is settled by now. */
export type MultipartLimits = FormLimits & { readonly maxFileSize: number };

/** Files of one form in memory together, as a multiple of what one may take: a thousand small ones are large. */
const memory_files_max = 4;

export class MultipartCollector {
  readonly #limits: MultipartLimits;
  readonly #parser: MultipartParser;
  readonly #form: Form;
  #spool: Spool | undefined;
  #parts = 0;
  #fieldsSize = 0;
  #memory = 0;
  /** Charset of the fields, until a part has its own (RFC 7578 §4.6). */
  #charset = "utf-8";
  #part: Part | undefined;

  constructor(boundary: string, limits: MultipartLimits, form: Form) {
    this.#limits = limits;
    this.#parser = new MultipartParser(boundary, limits.maxHeaderSize);
    this.#form = form;
  }

  /** Where files went that are too large for memory; whoever collects has to remove it. */
  get spool(): Spool | undefined {
    return this.#spool;
  }

  /** Resolves when `chunk` was taken, hence written: the next one waits for the disk. */
  async take(chunk: Uint8Array): Promise<void> {
    for (const event of this.#parser.feed(chunk)) {
      if (event.kind === "head") this.#begin(event.bytes);
      else if (event.kind === "end") await this.#end();
      else {
        const pending = this.#data(this.#part!, event.bytes);
        if (pending !== undefined) await pending;
      }
    }
  }

  finish(): void {
    this.#parser.finish();
  }

  /** Closes what a body that broke off has left open. */
  async abandon(): Promise<void> {
    await this.#part?.file?.close();
    this.#spool?.remove();
  }

  #begin(bytes: Buffer): void {
    const { maxParts, maxNameLength } = this.#limits;
    if (++this.#parts > maxParts) throw tooLarge(`the form has more than ${maxParts} parts`);
    const head = parsePartHead(bytes, maxNameLength);
    this.#part = { head, size: 0, chunks: [], file: undefined, path: "" };
    if (head.fileName === undefined) this.#countField(Buffer.byteLength(head.name));
  }

  #data(part: Part, bytes: Buffer): undefined | Promise<void> {
    part.size += bytes.length;
    if (part.head.fileName === undefined) {
      this.#countField(bytes.length);
      // A copy: a few bytes must not keep a whole chunk alive.
      part.chunks.push(Buffer.from(bytes));
      return undefined;
    }
    const { maxFileSize, maxMemory } = this.#limits;
    if (part.size > maxFileSize)
      throw tooLarge(`a file in the form is larger than ${maxFileSize} bytes`);
    if (part.file !== undefined) return writeAll(part.file, bytes);
    const inMemory = this.#memory + bytes.length;
    if (part.size > maxMemory || inMemory > memory_files_max * maxMemory)
      return this.#spill(part, bytes);
    this.#memory = inMemory;
    part.chunks.push(Buffer.from(bytes));
    return undefined;
  }

  #countField(bytes: number): void {
    const { maxFieldsSize } = this.#limits;
    this.#fieldsSize += bytes;
    if (this.#fieldsSize > maxFieldsSize)
      throw tooLarge(`the text fields of the form are larger than ${maxFieldsSize} bytes`);
  }

  async #spill(part: Part, bytes: Buffer): Promise<void> {
    this.#spool ??= await Spool.create(this.#limits.directory);
    const { file, path } = await this.#spool.open();
    part.file = file;
    part.path = path;
    for (const chunk of part.chunks.splice(0)) {
      this.#memory -= chunk.length;
      await writeAll(file, chunk);
    }
    await writeAll(file, bytes);
  }

  async #end(): Promise<void> {
    const part = this.#part!;
    const { name, fileName, type } = part.head;
    if (fileName === undefined) {
      const text = decode(Buffer.concat(part.chunks), charsetOf(type) ?? this.#charset);
      if (name === "_charset_") this.#charset = text;
      addValue(this.#form.fields, name, text);
    } else {
      const { file } = part;
      part.file = undefined;
      await file?.close();
      // A file input that was left empty is sent as a file without name and content: nothing was chosen.
      if (fileName !== "" || part.size > 0) {
        const upload = new Upload(
          fileName,
          type || "application/octet-stream",
          part.size,
          this.#contentOf(part),
        );
        (this.#form.files[name] ??= []).push(upload);
      }
    }
    this.#part = undefined;
  }

  #contentOf({ chunks, path }: Part): UploadContent {
    return path === "" ? { kind: "memory", chunks } : { kind: "disk", path, spool: this.#spool! };
  }
}

interface Part {
  readonly head: PartHead;
  size: number;
  readonly chunks: Buffer[];
  /** Open while bytes go to disk. */
  file: FileHandle | undefined;
  /** Of the spooled file, `""` in memory. */
  path: string;
}

function charsetOf(type: string | undefined): string | undefined {
  return type === undefined ? undefined : /;[ \t]*charset="?([^";\s]+)"?/i.exec(type)?.[1];
}

/** As browsers and `Request.formData` do: bytes that are no text become U+FFFD, a byte order mark stays. */
function decode(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset as Bun.Encoding, { ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed("a field of the form has an unknown charset");
  }
}

/** The body of one request, read at most once and kept: whoever asks second gets the same bytes. */
import { HttpError } from "../errors.ts";
import {
  bodyTooLarge,
  brokenOff,
  countedStream,
  limitOf,
  type RequestLimits,
} from "./body-limit.ts";
import type { FormOptions } from "./form-options.ts";
import type { Form } from "./form.ts";
import { parseBoundedJson } from "./json.ts";

/** The standard `FormData`, as `Request.formData` gives it. */
export type StandardFormData = Awaited<ReturnType<Request["formData"]>>;

/** One for all: each call is a whole text, so nothing of the last one stays; a new one costs as much as the decoding. */
const decoder = new TextDecoder();

export class RequestBody {
  readonly #request: Request;
  readonly #limits: RequestLimits;
  readonly #server: Bun.Server<unknown> | undefined;
  #text: Promise<string> | undefined;
  #bytes: Promise<Uint8Array> | undefined;
  #form: Promise<Form> | undefined;

  /** @param text the body, where somebody has read it already. */
  constructor(
    request: Request,
    server: Bun.Server<unknown> | undefined,
    limits: RequestLimits,
    text: string | undefined,
  ) {
    this.#request = request;
    this.#server = server;
    this.#limits = limits;
    if (text !== undefined) this.#text = Promise.resolve(text);
  }

  /** Whether somebody waits for the client to send on. */
  get isReading(): boolean {
    return [this.#text, this.#bytes, this.#form].some(
      (promise) => promise !== undefined && Bun.peek.status<unknown>(promise) === "pending",
    );
  }

  text(): Promise<string> {
    return this.#readText().catch(brokenOff);
  }

  json(): Promise<unknown> {
    return this.#readText().then(parseBoundedJson, brokenOff);
  }

  bytes(): Promise<Uint8Array> {
    return this.#readBytes().catch(brokenOff);
  }

  /** Null where there is no body. Not kept: a stream can be read once. */
  stream(): ReadableStream<Uint8Array> | null {
    const { body } = this.#request;
    return body === null ? null : countedStream(body, limitOf(this.#limits));
  }

  /** @param onEnd takes what has to be removed when the request ends. */
  form(options: FormOptions, onEnd: (release: () => void) => void): Promise<Form> {
    return (this.#form ??= this.#readForm(options, onEnd));
  }

  /** Everything in memory, by Bun's own parser. */
  async formData(): Promise<StandardFormData> {
    const type = this.#request.headers.get("content-type") ?? "";
    if (!/^(?:multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i.test(type)) {
      throw new HttpError(
        415,
        "the body must be multipart/form-data or application/x-www-form-urlencoded",
      );
    }
    const bytes = (await this.bytes()) as Uint8Array<ArrayBuffer>;
    try {
      return await new Response(bytes, { headers: { "content-type": type } }).formData();
    } catch (cause) {
      throw new HttpError(400, "the body is not valid form data", { cause });
    }
  }

  /** From the bytes, which stay: made from a text they would be others, where the body is no UTF-8 or begins with a BOM. */
  #readText(): Promise<string> {
    return (this.#text ??= this.#readBytes().then((bytes) => decoder.decode(bytes)));
  }

  #readBytes(): Promise<Uint8Array> {
    if (this.#bytes !== undefined) return this.#bytes;
    if (this.#text !== undefined)
      return (this.#bytes = this.#text.then((text) => new TextEncoder().encode(text)));
    return (this.#bytes = this.#limits.countsWhileReading
      ? this.#readCounted()
      : this.#request.bytes());
  }

  async #readForm(options: FormOptions, onEnd: (release: () => void) => void): Promise<Form> {
    const { readForm } = await import("./form.ts");
    const contentType = this.#request.headers.get("content-type") ?? "";
    const kept = this.#bytes ?? this.#text;
    const source = {
      contentType,
      body: kept === undefined ? this.stream() : await this.bytes(),
      maxPayloadSize: limitOf(this.#limits),
      ownsChunks: kept === undefined && this.#ownsChunks(),
      onEnd,
    };
    return await readForm(source, this.#limits.form, options);
  }

  /** A request that Bun has a peer for is Bun's; the stream of any other was made by somebody who may look at it again. */
  #ownsChunks(): boolean {
    return (
      this.#limits.countsWhileReading &&
      this.#server !== undefined &&
      this.#server.requestIP(this.#request) !== null
    );
  }

  async #readCounted(): Promise<Uint8Array> {
    const limit = limitOf(this.#limits);
    if (Number(this.#request.headers.get("content-length")) > limit) throw bodyTooLarge(limit);
    const stream = this.stream();
    return stream === null ? new Uint8Array() : await new Response(stream).bytes();
  }
}

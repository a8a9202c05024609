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

/** The standard `FormData`, as `Request.formData` gives it. */
export type StandardFormData = Awaited<ReturnType<Request["formData"]>>;

export class RequestBody {
  readonly #request: Request;
  readonly #limits: RequestLimits;
  #text: Promise<string> | undefined;
  #bytes: Promise<Uint8Array> | undefined;
  #form: Promise<Form> | undefined;

  constructor(request: Request, limits: RequestLimits) {
    this.#request = request;
    this.#limits = limits;
  }

  /** Whether somebody waits for the client to send on. */
  get isReading(): boolean {
    return [this.#text, this.#bytes, this.#form].some(
      (promise) => promise !== undefined && Bun.peek.status<unknown>(promise) === "pending",
    );
  }

  text(): Promise<string> {
    if (this.#text !== undefined) return this.#text;
    if (this.#bytes !== undefined || this.#limits.countsWhileReading)
      return (this.#text = this.bytes().then((bytes) => new TextDecoder().decode(bytes)));
    return (this.#text = this.#request.text().catch(brokenOff));
  }

  bytes(): Promise<Uint8Array> {
    if (this.#bytes !== undefined) return this.#bytes;
    if (this.#text !== undefined && !this.#limits.countsWhileReading)
      return (this.#bytes = this.#text.then((text) => new TextEncoder().encode(text)));
    return (this.#bytes = this.#limits.countsWhileReading
      ? this.#readCounted()
      : this.#request.bytes().catch(brokenOff));
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

  async #readForm(options: FormOptions, onEnd: (release: () => void) => void): Promise<Form> {
    const { readForm } = await import("./form.ts");
    const contentType = this.#request.headers.get("content-type") ?? "";
    const kept = this.#bytes ?? this.#text;
    const source = {
      contentType,
      body: kept === undefined ? this.stream() : await this.bytes(),
      maxPayloadSize: limitOf(this.#limits),
      onEnd,
    };
    return await readForm(source, this.#limits.form, options);
  }

  async #readCounted(): Promise<Uint8Array> {
    const limit = limitOf(this.#limits);
    if (Number(this.#request.headers.get("content-length")) > limit) throw bodyTooLarge(limit);
    const stream = this.stream();
    return stream === null ? new Uint8Array() : await new Response(stream).bytes();
  }
}

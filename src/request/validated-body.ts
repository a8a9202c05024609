/** Reads a body for its schema: by its media type, and JSON only to a bounded depth. */
import { HttpError } from "../errors.ts";
import type { Form } from "./form.ts";
import { json_depth_max, parseBoundedJson } from "./json.ts";
import { PendingBody } from "./pending-body.ts";

interface BodySource {
  readonly request: Request;
  readonly contentLength: number | undefined;
  readonly hasBody: boolean;
  readonly text: () => Promise<string>;
  readonly form: () => Promise<Form>;
  keepText(text: string): void;
}

/**
 * Hands on parsed JSON, or the fields and files of a form as one object: one value as it is, several as an array.
 * It fails with HttpError 415 for another media type, 400 for a malformed body.
 */
export function readBody(
  context: BodySource,
  type: "json" | "form",
  use: (value: unknown) => unknown,
): Promise<unknown> | PendingBody {
  return type === "json" ? readJson(context, use) : readForm(context).then(use);
}

/** A text this short cannot be nested deeper than is allowed: each level takes two characters. */
const shallow_bytes_max = 2 * json_depth_max;

function readJson(
  context: BodySource,
  use: (value: unknown) => unknown,
): Promise<unknown> | PendingBody {
  const { request, contentLength = Infinity } = context;
  const { headers } = request;
  const type = headers.get("content-type");
  if (type !== "application/json" && !isJson(type)) {
    return Promise.reject(
      new HttpError(415, "the body must be JSON: send content-type: application/json"),
    );
  }
  if (contentLength <= shallow_bytes_max && !context.hasBody) {
    return new PendingBody(request.text(), (text) => {
      // Read beside `context`, which would cost a promise more: whoever asks it later, for a signature say, gets the same.
      context.keepText(text);
      return use(parse(text, headers));
    });
  }
  return new PendingBody(context.text(), (text) => use(parse(text, headers)));
}

/** Bodies are not unpacked: a few bytes could become any number. Whoever sent one so is told that, and not that its JSON is bad. */
function parse(text: string, headers: Headers): unknown {
  try {
    return parseBoundedJson(text);
  } catch (error) {
    const coding = headers.get("content-encoding");
    if (coding === null || coding.toLowerCase() === "identity") throw error;
    throw new HttpError(415, "the body must be sent without content-encoding", {
      headers: { "accept-encoding": "identity" },
    });
  }
}

/** `application/json`, `application/problem+json` and the like (RFC 8259 §11, RFC 6839 §3.1), with parameters. */
function isJson(type: string | null): boolean {
  return type !== null && /^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i.test(type);
}

async function readForm({ form }: BodySource): Promise<Record<string, unknown>> {
  const { mergeForm } = await import("./form.ts");
  return mergeForm(await form());
}

/** Reads a body for its schema: by its media type, and JSON only to a bounded depth. */
import { HttpError } from "../errors.ts";
import type { Form } from "./form.ts";
import { json_depth_max, parseBoundedJson } from "./json.ts";

interface BodySource {
  readonly request: Request;
  readonly text: () => Promise<string>;
  readonly form: () => Promise<Form>;
}

/**
 * Hands on parsed JSON, or the fields and files of a form as one object: one value as it is, several as an array.
 * The promise rejects with HttpError 415 for another media type, 400 for a malformed body.
 */
export function readBody(
  context: BodySource,
  type: "json" | "form",
  use: (value: unknown) => unknown,
): Promise<unknown> {
  return type === "json" ? readJson(context, use) : readForm(context).then(use);
}

/** A text this short cannot be nested deeper than is allowed: each level takes two characters. */
const shallow_bytes_max = 2 * json_depth_max;

function readJson(context: BodySource, use: (value: unknown) => unknown): Promise<unknown> {
  const { request } = context;
  const { headers } = request;
  const type = headers.get("content-type");
  if (type !== "application/json" && !isJson(type)) {
    return Promise.reject(
      new HttpError(415, "the body must be JSON: send content-type: application/json"),
    );
  }
  if (Number(headers.get("content-length") ?? Infinity) <= shallow_bytes_max && !request.bodyUsed) {
    return request.json().then(use, malformed);
  }
  return context.text().then((body) => use(parseBoundedJson(body)));
}

/** `application/json`, `application/problem+json` and the like (RFC 8259 §11, RFC 6839 §3.1), with parameters. */
function isJson(type: string | null): boolean {
  return type !== null && /^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i.test(type);
}

function malformed(cause: unknown): never {
  throw new HttpError(400, "the body is not valid JSON", { cause });
}

async function readForm({ form }: BodySource): Promise<Record<string, unknown>> {
  const { mergeForm } = await import("./form.ts");
  return mergeForm(await form());
}

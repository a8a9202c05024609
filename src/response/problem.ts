/** RFC 9457 problem documents: the form of every error that the framework answers itself. */
import { HttpError } from "../errors.ts";
import { reasonPhrase } from "../http/status.ts";

/** A problem document for `status`, without detail: nothing about the server gets out. */
export function problem(
  status: number,
  detail?: string,
  headers?: Record<string, string>,
): Response {
  const document = { type: "about:blank", title: reasonPhrase(status), status, detail };
  return send(document, status, headers);
}

/** What the author of an `HttpError` wrote is meant for the client; its cause is not. */
export function problemOf(error: HttpError): Response {
  const { type, title, status, message } = error;
  const document = { type, title, status, detail: message || undefined, ...error.extensions };
  return send(document, status, error.headers);
}

/** For any other error. Only in development does the document say what happened. */
export function problemOfUnknown(error: unknown, development: boolean): Response {
  if (!development) return problem(500);
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : Bun.inspect(error);
  const stack =
    error instanceof Error ? error.stack?.split("\n").map((line) => line.trim()) : undefined;
  return send({ type: "about:blank", title: reasonPhrase(500), status: 500, detail, stack }, 500);
}

function send(document: object, status: number, given?: Record<string, string>): Response {
  const headers = new Headers(given);
  headers.set("content-type", "application/problem+json");
  return new Response(JSON.stringify(document), { status, headers });
}

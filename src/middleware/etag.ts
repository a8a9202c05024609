/** Entity tags and the preconditions that they are for, as an after hook (RFC 9110 §8.8.3, §13). */
import { HttpError, RobynError } from "../errors.ts";
import { evaluatePreconditions, parseHttpDate } from "../http/conditional.ts";
import { entityTag } from "../response/const-response.ts";
import { knownBody } from "../response/known-body.ts";
import type { ResponseHook } from "./compress.ts";

export interface EtagOptions {
  /** Longest body that is tagged, in bytes; it has to be hashed for each request. Default 1,048,576. */
  maxBytes?: number;
}

/**
 * Tags answers, and answers `If-None-Match` with 304 and `If-Match` with 412: `app.afterRequest(etag())`. Where the
 * response has a `Last-Modified` too, the preconditions about dates are observed as well.
 *
 * It takes 200 answers to GET and HEAD. The tag is strong: 128 bits of SHA-256 over the body. Streams, files, longer
 * bodies and `cache-control: no-store` are not tagged; a tag that the response has already is used as it is. The handler has run either
 * way: what is saved is the transfer. For PUT and the like the hook would come too late: check `If-Match` in the handler.
 *
 * Together with `compress()`: define it after, so that it runs first and tags the plain bytes.
 *
 * @throws RobynError ROBYN_OPTION_INVALID
 */
export function etag(options: EtagOptions = {}): ResponseHook {
  const { maxBytes = 1_048_576, ...others } = options;
  if (Object.keys(others).length > 0 || !Number.isSafeInteger(maxBytes) || maxBytes < 0)
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `etag() was given ${JSON.stringify(options)}.`,
      "It takes maxBytes, a whole number of bytes.",
    );

  return (response, { request }) => {
    if (response.status !== 200 || (request.method !== "GET" && request.method !== "HEAD"))
      return undefined;
    if (
      response.headers.has("etag") ||
      /\bno-store\b/i.test(response.headers.get("cache-control") ?? "")
    )
      return evaluateLater(response, request);
    return tag(response, request, maxBytes);
  };
}

async function tag(
  response: Response,
  request: Request,
  maxBytes: number,
): Promise<Response | undefined> {
  const bytes = await knownBody(response, maxBytes);
  // A HEAD route of its own has no body, so its tag would not be that of GET.
  if (bytes === undefined || (bytes.length === 0 && request.method === "HEAD")) return undefined;
  response.headers.set("etag", entityTag(bytes));
  return evaluate(response, request);
}

function evaluate(response: Response, request: Request): Response | undefined {
  const current = response.headers.get("etag");
  if (current === null) return undefined;
  const date = response.headers.get("last-modified");
  // Not a number compares with nothing, so without a date no precondition about one applies.
  const lastModified = (date === null ? undefined : parseHttpDate(date)) ?? Number.NaN;
  switch (evaluatePreconditions(request.headers, { etag: current, lastModified })) {
    case 200:
      return undefined;
    case 304:
      return notModified(response);
    case 412:
      throw new HttpError(412, "the resource is not the one that the request is about");
  }
}

/** What hooks may return is a promise or nothing; the common case, no precondition, makes none. */
function evaluateLater(response: Response, request: Request): Promise<Response> | undefined {
  const answer = evaluate(response, request);
  return answer === undefined ? undefined : Promise.resolve(answer);
}

/** RFC 9110 §15.4.5: what a 200 would have had, without what describes content that is not sent. */
const aboutContent = [
  "accept-ranges",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-range",
  "content-type",
  "last-modified",
] as const;

function notModified(response: Response): Response {
  const answer = new Response(null, { status: 304, headers: response.headers });
  for (const name of aboutContent) answer.headers.delete(name);
  // Its source would wait for a reader that never comes.
  void response.body?.cancel().catch(() => {});
  return answer;
}

/** Where requests end, for routes whose dependencies are made per request: behind the answer, streams included. */
import { ownsResponse } from "../injection/context-class.ts";
import { endRequest, holdsValues } from "../injection/request-values.ts";
import { isStreamed, markStreamed } from "../response/stream.ts";
import { SwitchedProtocols } from "../response/values.ts";
import type { Chain } from "./compose.ts";
import type { AnyContext } from "./route.ts";

/** The same chain, which lets go of what was made for the request. Chains of other routes are left as they are. */
export function endingRequests(chain: Chain): Chain {
  return (context, handler) => {
    const answer = chain(context, handler);
    return answer instanceof Promise
      ? answer.then((response) => end(response, context))
      : end(answer, context);
  };
}

function end(response: Response, context: AnyContext): Response {
  // What was made for a handshake lives as long as the socket.
  if (response instanceof SwitchedProtocols) return response;
  // Nobody reads the body of an answer to HEAD.
  const hasStream = context.request.method !== "HEAD" && streams(response, context);
  const body = hasStream ? response.body : null;
  // One that somebody reads already cannot be sent; Bun says so.
  if (body !== null && !body.locked)
    return markStreamed(new Response(ending(body, context), response));
  void endRequest(context);
  return response;
}

/** A stream of the framework may ask for its first value later; one of the application counts where there is something to lose. */
function streams(response: Response, context: AnyContext): boolean {
  return (
    isStreamed(response) ||
    (ownsResponse(context) && holdsValues(context) && hasOwnStream(response))
  );
}

/**
 * A `Response` does not tell what its body is. Bytes can be read at once from a clone, streams and files cannot; and files
 * are sent best as they are. If a file were taken for a stream, it would be sent all the same, only slower.
 */
function hasOwnStream(response: Response): boolean {
  let reader;
  try {
    reader = response.clone().body?.getReader();
  } catch {
    // Somebody reads it already.
  }
  if (reader === undefined) return false;
  const isPending = Bun.peek.status(reader.read()) === "pending";
  void reader.cancel().catch(() => {});
  return isPending && !/^ {2}FileRef /m.test(Bun.inspect(response));
}

/** The same bytes; the request ends when they do, for whatever reason. */
function ending(source: ReadableStream<Uint8Array>, context: AnyContext): ReadableStream {
  const reader = source.getReader();
  const { signal } = context.request;
  let cancelled: Promise<void> | undefined;
  const leave = () => void cancel(signal.reason);
  const over = async () => {
    signal.removeEventListener("abort", leave);
    await endRequest(context);
  };
  // Bun cancels the body and the signal aborts, in any order; what was made goes when the source has ended.
  const cancel = (reason: unknown) => (cancelled ??= reader.cancel(reason).then(over, over));
  // A client that has left before anything was read is told of nowhere else.
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (cancelled !== undefined) return;
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        if (cancelled === undefined) void over();
      },
      cancel,
    },
    // Nothing is read ahead, so that the pressure goes back to the source.
    { highWaterMark: 0 },
  );
}

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
  if (hasStream) return markStreamed(endingWith(response, context));
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
  if (response.bodyUsed) return false;
  const reader = response.clone().body?.getReader();
  if (reader === undefined) return false;
  const isPending = Bun.peek.status(reader.read()) === "pending";
  void reader.cancel().catch(() => {});
  return isPending && !/^ {2}FileRef /m.test(Bun.inspect(response));
}

/** The same answer; the request ends when its stream does, for whatever reason. */
function endingWith(response: Response, context: AnyContext): Response {
  const reader = response.body?.getReader();
  if (reader === undefined) return response;
  const { signal } = context.request;
  let cancelled: Promise<void> | undefined;
  const leave = () => void cancel(signal.reason);
  const over = async () => {
    signal.removeEventListener("abort", leave);
    await endRequest(context);
  };
  // Bun cancels the body and the signal aborts, in any order; what was made goes when the source has ended.
  const cancel = (reason: unknown) => (cancelled ??= reader.cancel(reason).then(over, over));
  const body = new ReadableStream<Uint8Array>(
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
  // A client that has left before anything was read is told of nowhere else.
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return new Response(body, response);
}

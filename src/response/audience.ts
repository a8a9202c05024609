/** Who a stream is for: the request, its connection, and the log for what the client can no longer be told. */
import type { Logger } from "../logger.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { Topics } from "./topics.ts";

/** What a stream needs of the request that it answers. Absent where there is none: at start, for const routes. */
export interface Audience {
  readonly request: Request;
  readonly openStreams: OpenStreams;
  readonly topics: Topics;
  /** Seconds without traffic before the connection is cut, 0 for never. */
  setIdleTimeout(seconds: number): void;
  /** Tells the log. @returns what to end the stream with */
  failed(error: unknown): unknown;
}

/** Who is answered: files and streams need to know of the request, everything else does not. */
export interface Answered {
  readonly request: Request;
  readonly audience: Audience;
  /** Told of a response that the application has made itself. */
  noteOwnResponse(response: Response): Response;
}

interface Surroundings {
  readonly logger: Logger;
  readonly openStreams: OpenStreams;
  readonly topics: Topics;
}

export function audienceOf(
  request: Request,
  server: { timeout(request: Request, seconds: number): void } | undefined,
  { logger, openStreams, topics }: Surroundings,
): Audience {
  return {
    request,
    openStreams,
    topics,
    setIdleTimeout: (seconds) => server?.timeout(request, seconds),
    failed(error) {
      // The query is left out: it may hold what must not be in a log.
      const [target] = request.url.split("?", 1);
      logger.error(`${request.method} ${target}: the stream failed after its head was sent`, error);
      // Bun writes what a stream ends with to stderr itself; over a socket nobody else reads it.
      return server === undefined ? error : undefined;
    },
  };
}

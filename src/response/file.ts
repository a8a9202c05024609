/** `serveFile()`: what a handler returns to answer with a file. How it is sent is loaded with the first one that is. */
import type { Answered } from "./audience.ts";

export interface FileOptions {
  /** `Content-Type`. Default: by the extension of the path, else `application/octet-stream`. */
  type?: string;
  /** Asks the browser to save the file instead of showing it. Default false. */
  download?: boolean;
  /** The name to save it under. Default with `download`: the last part of the path. Any string is safe here. */
  name?: string;
}

/** A file to be sent. Made by `serveFile()`; becomes a `Response` in `toResponse`, which knows the request. */
export class FileAnswer {
  readonly #path: string;
  readonly #options: FileOptions;

  constructor(path: string, options: FileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** @internal */
  toResponse(status: number, answered: Answered | undefined): Response {
    const { answerPath } = require("./send-file.ts") as typeof import("./send-file.ts");
    return answerPath(this.#path, this.#options, answered, status);
  }
}

/**
 * Answers with a file: streamed by Bun, with `ETag`, `Last-Modified`, conditional requests (RFC 9110 §13), single and
 * multiple ranges (§14) and `X-Content-Type-Options: nosniff`. What is missing or no regular file is a 404.
 *
 * The path is yours, relative to the working directory. For paths that come from clients there is
 * `app.serveDirectory()`, which lets nothing outside of its directory be reached.
 *
 * @throws TypeError if the path is no string, or an option is unknown.
 * @example app.get("/report", () => serveFile("data/2026.pdf", { download: true, name: "Report 2026.pdf" }));
 */
export function serveFile(path: string, options: FileOptions = {}): FileAnswer {
  if (typeof path !== "string")
    throw new TypeError(`serveFile() was given ${Bun.inspect(path)}; it takes a path.`);
  for (const option of Object.keys(options)) {
    if (fileOptionNames.includes(option)) continue;
    throw new TypeError(
      `serveFile() was given the unknown option "${option}"; it takes ${fileOptionNames.join(", ")}.`,
    );
  }
  return new FileAnswer(path, options);
}

const fileOptionNames = ["type", "download", "name"];

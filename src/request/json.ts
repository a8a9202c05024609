/** JSON from clients: parsed only after its depth is known, because a parser or validator may recurse. */
import { HttpError } from "../errors.ts";

/** Deepest nesting of arrays and objects in a body. */
export const json_depth_max = 128;

/** @throws HttpError 400 if the text is not JSON (RFC 8259) or nested too deeply. The text is never echoed. */
export function parseBoundedJson(text: string): unknown {
  if (text.length > 2 * json_depth_max && depthOf(text) > json_depth_max) {
    throw new HttpError(400, `the body is nested deeper than ${json_depth_max} levels`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpError(
      400,
      text === "" ? "the body is empty, JSON was expected" : "the body is not valid JSON",
      {
        cause,
      },
    );
  }
}

/** Counts brackets outside of strings, and stops at the first that is too deep. Linear, about 1 ms per megabyte. */
function depthOf(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22:
        index = endOfString(text, index);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > json_depth_max) return depth;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
    }
  }
  return depth;
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  for (;;) {
    const quote = text.indexOf('"', index);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return quote;
    index = quote + 1;
  }
}

/** Multipart bodies written by hand: what `FormData` would never send. */

export const boundary = "----robyn";

export const multipartType = { "content-type": `multipart/form-data; boundary=${boundary}` };

/** One part: its Content-Disposition behind `form-data`, its content, further header lines. */
export function part(disposition: string, content = "", ...headers: readonly string[]): string {
  const lines = [`Content-Disposition: form-data${disposition}`, ...headers];
  return `--${boundary}\r\n${lines.join("\r\n")}\r\n\r\n${content}\r\n`;
}

export function multipart(...parts: readonly string[]): string {
  return `${parts.join("")}--${boundary}--\r\n`;
}

/**
 * Method tokens and their ids (RFC 9110 §9). The first nine ids are fixed and equal in `native/method.zig`;
 * further tokens get the next free id of their table.
 */
export const standardMethods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "CONNECT",
  "TRACE",
] as const;

export const GET = 0;
export const HEAD = 1;
export const OPTIONS = 6;
/** The id that `find` takes for a token nobody registered: it has no tree, so the answer is 404 or 405. */
export const unknownMethod = 0xffff_ffff;

/** Methods that a server is expected to know even where no route takes them; any other is answered 501. */
export const generalMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

/** RFC 9110 §5.6.2 `token`. Method tokens are case-sensitive. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

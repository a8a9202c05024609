/** `Content-Disposition` (RFC 6266). */

/**
 * @param name proposed to whoever saves the file. Directories in it are cut off and control characters dropped, so it
 * may come from a user: nothing of it can end the header or the quotes.
 * @returns for instance `attachment; filename="Bericht f_r Mai.pdf"; filename*=UTF-8''Bericht%20f%C3%BCr%20Mai.pdf`.
 */
export function contentDisposition(disposition: "inline" | "attachment", name?: string): string {
  const clean = name === undefined ? "" : cleanName(name);
  if (clean === "") return disposition;
  // `%` too: some browsers decode what stands in the plain form (RFC 6266 appendix D).
  const plain = clean.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const simple = `${disposition}; filename="${plain}"`;
  return plain === clean ? simple : `${simple}; filename*=UTF-8''${encodeExtended(clean)}`;
}

function cleanName(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  return base.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f]/g, "");
}

/** RFC 8187 §3.2.1 `value-chars`: `encodeURIComponent` leaves four characters that are not among them. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

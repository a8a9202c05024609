/** Media types of files, by their names. */

/**
 * The type for a file name, `application/octet-stream` where the extension says nothing. The table is Bun's; text
 * gets `charset=utf-8`, because a browser that is not told guesses (WHATWG Encoding), and guesses differ.
 */
export function contentTypeOf(name: string): string {
  // `Bun.file` does not touch the disk here: only the name is looked at.
  const [type = octetStream, ...parameters] = Bun.file(name).type.split(";");
  if (parameters.length > 0) return `${type}; ${parameters.join("; ").trim()}`;
  if (type === "") return octetStream;
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

const octetStream = "application/octet-stream";

/** Content negotiation and preconditions: the parts that more than one room needs. */

/** Content codings (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export type Encoding = "identity" | "gzip" | "br" | "zstd";

/** Codings we can send, best first where the client has no preference. */
const preference = ["zstd", "br", "gzip"] as const satisfies readonly Encoding[];

/**
 * Chooses among `available` by `Accept-Encoding` (RFC 9110 §12.5.3): the highest weight wins, ties go to the order
 * zstd, br, gzip. Without the header, or where nothing fits, the answer is `identity`.
 */
export function chooseEncoding(
  accept: string | null,
  available: (encoding: Encoding) => boolean,
): Encoding {
  if (accept === null || accept === "") return "identity";
  const weights = parseWeights(accept);
  let best: Encoding = "identity";
  let bestWeight = weights.get("identity") ?? 0;
  for (const encoding of preference) {
    const weight = weights.get(encoding) ?? weights.get("*") ?? 0;
    const isBetter = best === "identity" ? weight >= bestWeight : weight > bestWeight;
    if (weight === 0 || !isBetter || !available(encoding)) continue;
    best = encoding;
    bestWeight = weight;
  }
  return best;
}

/** Most members of a list header that are read; the rest cannot change a sensible answer and would cost time. */
const members_max = 64;

function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of header.split(",", members_max)) {
    const [coding = "", ...parameters] = member.split(";");
    let weight = 1;
    for (const parameter of parameters) {
      const value = /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter)?.[1];
      if (value !== undefined) weight = Math.min(Number(value), 1);
    }
    weights.set(coding.trim().toLowerCase(), weight);
  }
  return weights;
}

/** `If-None-Match` (RFC 9110 §13.1.2): weak comparison against one entity tag. */
export function matchesEntityTag(header: string, tag: string): boolean {
  if (header.trim() === "*") return true;
  const opaque = withoutWeakness(tag);
  return entityTags(header).some((candidate) => withoutWeakness(candidate) === opaque);
}

/** The members of a list of entity tags (a comma may stand inside one), up to the first that is none. */
export function entityTags(header: string): string[] {
  const member = /[ \t,]*((?:W\/)?"[^"]*")[ \t]*(?=,|$)/y;
  const tags: string[] = [];
  for (let found = member.exec(header); found !== null; found = member.exec(header))
    tags.push(found[1]!);
  return tags;
}

function withoutWeakness(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

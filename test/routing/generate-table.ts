/** Random route tables: small ones, in which routes are each other's neighbours. */
import { limits } from "../../src/limits.ts";
import type { Random } from "../support/random.ts";

export interface Table {
  readonly strict: boolean;
  /** Method and pattern; the index is the endpoint. */
  readonly routes: readonly (readonly [method: string, pattern: string])[];
}

/** A small alphabet: collisions, shared prefixes and backtracking are what a table gets wrong. */
export const plain = "a b ab abc b a A aa c".split(" ");
const written = [...'%61 %41b a%2Fb %2f é %C3%A9 %c3%a9 " ^ ` |'.split(" "), "a b"];
const odd = ".a ... a. ~ %7E %7ea a;b a@b %25 %2E%2Ea $&+,= 日本".split(" ");
const names = "id x y _1 z9 __proto__ constructor".split(" ");
const faulty = [
  ...". .. %2e %2E%2e % %4 %zz a% %00 %1F %7f %C3 %FF %ED%A0%80 a:b a* ** *a* : :1 :a-b".split(" "),
  ...":a:b :a? :id(\\d+) :é {a} <a> a\\b a?b a#b ? *r/a */a".split(" "),
  ...["\x01", "a\x00", "\x7f", "\ud800", ":\udfff"],
];
const methods = "GET GET GET GET POST HEAD PUT OPTIONS PURGE M-SEARCH".split(" ");
const faultyMethods = ["", "A B", "GÉT", "G(T", "M".repeat(33), "A\x00B"];

export function randomTable(random: Random): Table {
  const routes: [string, string][] = [];
  const count = 1 + random.below(random.chance(10) ? 40 : 12);
  for (let index = 0; index < count; index++) {
    const earlier = random.chance(45) && index > 0 ? random.pick(routes)[1] : undefined;
    const pattern = earlier === undefined ? newPattern(random) : changedPattern(random, earlier);
    const method = random.chance(1) ? random.pick(faultyMethods) : random.pick(methods);
    routes.push([method, pattern]);
  }
  return { strict: random.chance(25), routes };
}

function newPattern(random: Random): string {
  if (random.chance(1)) return boundaryPattern(random);
  const segments: string[] = [];
  for (let count = random.pick([0, 1, 1, 2, 2, 3, 3, 4, 6]); count > 0; count--)
    segments.push(randomSegment(random));
  if (random.chance(20)) segments.push(random.pick(["*", "*", "*rest", "*x"]));
  const pattern = `/${segments.join("/")}${random.chance(8) ? "/" : ""}`;
  return random.chance(1) ? pattern.slice(1) : pattern;
}

export function randomSegment(random: Random): string {
  if (random.chance(28)) return `:${random.pick(names)}`;
  if (random.chance(10)) return random.pick(written);
  if (random.chance(5)) return random.pick(odd);
  if (random.chance(4)) return "";
  if (random.chance(3)) return random.pick(faulty);
  return random.pick(plain);
}

/** A neighbour of a pattern: the same but for one segment, a longer or a shorter one, or another name. */
function changedPattern(random: Random, pattern: string): string {
  const segments = pattern.slice(1).split("/");
  switch (random.below(5)) {
    case 0:
      return `/${[...segments.slice(0, -1), randomSegment(random)].join("/")}`;
    case 1:
      return pattern.includes("*") ? pattern.replace(/\*.*$/, "*") : `${pattern}/*`;
    case 2:
      return pattern.replace(/:\w+/, `:${random.pick(names)}`);
    case 3:
      return `${pattern}/${randomSegment(random)}`;
    default:
      segments[random.below(segments.length)] = randomSegment(random);
      return `/${segments.join("/")}`;
  }
}

/** At a limit, one below it and one above it. */
function boundaryPattern(random: Random): string {
  const step = random.below(3) - 1;
  if (random.chance(50)) {
    const count = limits.params_max + step;
    const end = random.pick(["", "/*", "/a", "/:"]);
    return Array.from({ length: count }, (_, index) => `/:p${index}`).join("") + end;
  }
  const literal = random.pick(["a", "é", '"', "/"]);
  const bytes = limits.pattern_bytes_max - 1 + step;
  return `/${literal.repeat(Math.floor(bytes / Buffer.byteLength(literal)))}`;
}

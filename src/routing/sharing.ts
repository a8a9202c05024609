/** What the routes of one application have in common, there once. */
import { parsePattern, type Pattern, PatternError } from "../http/pattern.ts";
import { type Chain, type ChainParts, compose, type ErrorPolicy } from "./compose.ts";
import { hookPatternError } from "./refusal.ts";

/**
 * Most routes of an application have the same hooks: they share one chain, which then is in the processor's cache
 * whichever of ten thousand routes is asked for.
 */
export class ChainCache {
  readonly #policy: ErrorPolicy;
  readonly #ids = new Map<unknown, number>();
  readonly #chains = new Map<string, Chain>();

  constructor(policy: ErrorPolicy) {
    this.#policy = policy;
  }

  of(parts: ChainParts): Chain {
    const { before, after, exceptions, status, deadline } = parts;
    const lists = [before, after, exceptions, [deadline]] as const;
    const key = `${status} ${lists.map((list) => list.map((it) => this.#idOf(it)).join()).join(" ")}`;
    const known = this.#chains.get(key);
    if (known !== undefined) return known;
    const chain = compose(parts, this.#policy);
    this.#chains.set(key, chain);
    return chain;
  }

  #idOf(part: unknown): number {
    const known = this.#ids.get(part);
    if (known !== undefined) return known;
    this.#ids.set(part, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** Hook patterns repeat for every route, and so do lists of names: each is there once. */
export class PatternCache {
  readonly #strict: boolean;
  readonly #patterns = new Map<string, Pattern>();
  readonly #names = new Map<string, readonly string[]>();

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  parse(source: string): Pattern {
    const known = this.#patterns.get(source);
    if (known !== undefined) return known;
    const pattern = this.#parse(source);
    this.#patterns.set(source, pattern);
    return pattern;
  }

  share(names: readonly string[]): readonly string[] {
    const key = names.join();
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    this.#names.set(key, names);
    return names;
  }

  #parse(source: string): Pattern {
    try {
      return parsePattern(source, this.#strict);
    } catch (error) {
      throw error instanceof PatternError ? hookPatternError(source, error) : error;
    }
  }
}

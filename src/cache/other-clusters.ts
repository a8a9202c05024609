/**
 * What other clusters have computed, as the leader of a miss sees it: it alone asks them, before it runs the handler.
 * Memory of the cluster stays first, so hits cost nothing more.
 */
import type { CachedAnswer, CacheStore, RemoteCache, SharedAnswer } from "../native/core.ts";
import type { CachePolicy } from "../routing/cache-policy.ts";
import { withoutGeneration } from "./key.ts";

export interface OtherClustersOptions {
  readonly store: CacheStore;
  /** Known when the application has started. */
  readonly remote: () => RemoteCache | undefined;
  readonly policy: CachePolicy;
  /** How long others wait for the leader. */
  readonly leaseSeconds: number;
}

export interface Looked {
  /** Who was asked. */
  readonly name: string;
  /** An answer that was there, and is kept in this cluster now. */
  readonly taken: CachedAnswer | undefined;
  /** Hands over what was computed since, and is kept in this cluster. Not waited for. */
  keep(answer: CachedAnswer, names: readonly string[]): void;
}

export class OtherClusters {
  readonly #options: OtherClustersOptions;

  constructor(options: OtherClustersOptions) {
    this.#options = options;
  }

  /** Whether the application was joined to any. */
  get areThere(): boolean {
    return this.#options.remote() !== undefined;
  }

  /**
   * An invalidation of this cluster may still be on its way. What is found meanwhile is not taken; asked once more, it has
   * arrived as a rule.
   *
   * @returns undefined where nobody could be asked
   */
  async look(key: string): Promise<Looked | undefined> {
    const looked = await this.#ask(key);
    return looked !== undefined && looked.isUncertain ? await this.#ask(key) : looked;
  }

  async #ask(key: string): Promise<(Looked & { readonly isUncertain: boolean }) | undefined> {
    const { store, leaseSeconds } = this.#options;
    const remote = this.#options.remote();
    if (remote === undefined) return undefined;
    // In this order: an invalidation that `born` includes is either seen to be owed, or has arrived before the question.
    const born = store.latest();
    const isOwing = store.debts.areOpen();
    // Twice at most half of the time that others wait for: the handler needs some, too.
    const patience_ms = leaseSeconds * 250;
    const look = await remote.look(withoutGeneration(key), () => store.now(), patience_ms);
    if (look === undefined) return undefined;
    return {
      name: remote.name,
      isUncertain: isOwing && look.found !== undefined,
      taken: isOwing ? undefined : look.found && this.#take(key, look.found, born),
      keep(answer, names) {
        if (store.isValid(answer)) look.keep({ ...answer, names });
      },
    };
  }

  /** Only what nothing has invalidated here since the question was asked. */
  #take(
    key: string,
    { storedAt, freshUntil, names, head, body }: SharedAnswer,
    born: number,
  ): CachedAnswer | undefined {
    const { store, policy } = this.#options;
    const now = store.now();
    // A clock that was set back must not make it fresh for longer than its route says.
    const end = Math.min(freshUntil, now + policy.ttl * 1e9);
    const answer: CachedAnswer = {
      born,
      storedAt,
      freshUntil: end,
      staleUntil: end + (policy.staleWhileRevalidate ?? 0) * 1e9,
      cells: cellsOf(store, names),
      head,
      body,
    };
    if (now >= end || !store.put(key, answer) || !store.isValid(answer)) return undefined;
    return answer;
  }
}

export function cellsOf(store: CacheStore, names: readonly string[]): number[] {
  return [...new Set(names.map((name) => store.cellOf(name)))];
}

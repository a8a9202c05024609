/** `app.cache`: what an application says to its cached answers, and asks of them. */
import { RobynError } from "../errors.ts";
import { canonicalPath } from "../http/path.ts";
import { cacheCounter } from "../native/cache-counters.ts";
import type { CacheDebts, CacheStore, CacheTotals, RemoteCache } from "../native/core.ts";
import type { Definition, Handler, Keeper } from "./keeper.ts";

/** One of them. */
export type Invalidation =
  { readonly path: string } | { readonly tag: string | readonly string[] } | { readonly all: true };

export class AppCache {
  /** @internal set by who joins clusters */
  remote: RemoteCache | undefined;
  #store: CacheStore | undefined;
  #strict = false;
  #keeper: Keeper | undefined;

  /** @internal what stands in the place of the handler of a route whose answers are kept */
  keep(definition: Definition): Handler {
    const { settings } = definition;
    const store = (this.#store ??= settings.segment().cache());
    this.#strict = settings.strict;
    // Loaded here: an app that keeps nothing starts without it.
    const { keeperOf } = require("./keeper.ts") as typeof import("./keeper.ts");
    this.#keeper ??= keeperOf(store, () => this.remote);
    return this.#keeper(definition);
  }

  /**
   * Ends answers that were made before now, in every process, when it returns; a computation that is under way is not
   * kept either. `path` is one path with all its queries and variants; a `tag` is what routes say in `tags`.
   *
   * @throws RobynError ROBYN_OPTION_INVALID
   * @example app.cache.invalidate({ tag: `user:${id}` });
   */
  invalidate(what: Invalidation): void {
    const names = namesOf(what, this.#strict);
    const store = this.#store;
    // Without a route whose answers are kept there are none.
    if (store === undefined) return;
    const { remote } = this;
    // Owed before it takes effect: who sees that it has, also sees that others may not know.
    const number = remote === undefined ? 0 : store.debts.incur();
    this.apply(names);
    remote?.tell(names, number);
    store.counters[cacheCounter.invalidations]!++;
  }

  /** @internal as another cluster has invalidated it */
  apply(names: readonly string[]): void {
    const store = this.#store;
    store?.invalidate(names.map((name) => store.cellOf(name)));
  }

  /** @internal undefined where no route keeps answers */
  get debts(): CacheDebts | undefined {
    return this.#store?.debts;
  }

  /** Counts of the whole cluster since it was started; undefined where no route keeps answers. */
  stats(): CacheTotals | undefined {
    return this.#store?.totals();
  }
}

/** None: everything. */
function namesOf(what: Invalidation, strict: boolean): string[] {
  const [name, ...others] = typeof what === "object" && what !== null ? Object.keys(what) : [];
  if (others.length === 0 && name === "all" && "all" in what && what.all === true) return [];
  if (others.length === 0 && name === "path" && "path" in what && isPath(what.path)) {
    const path = canonicalPath(what.path, strict);
    if (typeof path === "string") return [`path ${path}`];
  }
  if (others.length === 0 && name === "tag" && "tag" in what) {
    const tags: readonly unknown[] = Array.isArray(what.tag) ? what.tag : [what.tag];
    if (tags.length > 0 && tags.every((tag) => typeof tag === "string"))
      return tags.map((tag) => `tag ${tag}`);
  }
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `cache.invalidate() was given ${Bun.inspect(what)}.`,
    'It takes { path: "/users/7" } (without query), { tag: "users" }, { tag: ["users", "teams"] } or { all: true }.',
  );
}

function isPath(path: unknown): path is string {
  return typeof path === "string" && path.startsWith("/") && !/[?#]/.test(path);
}

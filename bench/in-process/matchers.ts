/**
 * Every router behind one interface: a whole URL in, the number of the route out, as a server meets them. All but
 * robyn's own table are given the path, which is cut out of the URL here as each of their frameworks does somewhere.
 */
import createFindMyWay from "find-my-way";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { TrieRouter } from "hono/router/trie-router";
import { Memoirist } from "memoirist";
import { loadCore } from "../../src/native/load.ts";
import { createLogger } from "../../src/logger.ts";

export interface Matcher {
  /** @returns the number of the route, or -1. */
  find(url: string): number;
  /** The `id` of the last find, as a string. */
  id(): string;
}

export const matchers: Record<string, (routes: readonly string[]) => Matcher> = {
  robyn(routes) {
    const core = loadCore("zig", createLogger("error"));
    const table = core.createRouteTable({ strict: false });
    for (const [number, route] of routes.entries()) table.insert("GET", route, number);
    table.seal();
    const get = table.methodId("GET");
    return { find: (url) => table.find(get, url), id: () => table.value(0) };
  },

  memoirist(routes) {
    const router = new Memoirist<number>();
    for (const [number, route] of routes.entries()) router.add("GET", route, number);
    let id = "";
    return {
      find(url) {
        const found = router.find("GET", pathOf(url));
        if (found === null) return -1;
        id = found.params.id ?? "";
        return found.store;
      },
      id: () => id,
    };
  },

  "find-my-way"(routes) {
    const router = createFindMyWay<{ number: number }>();
    // In an object: a bare 0 would come back as null.
    for (const [number, route] of routes.entries()) router.on("GET", route, () => {}, { number });
    let id = "";
    return {
      find(url) {
        const found = router.find("GET", pathOf(url));
        if (found === null) return -1;
        id = found.params.id ?? "";
        return found.store.number;
      },
      id: () => id,
    };
  },

  "hono RegExpRouter"(routes) {
    const router = new RegExpRouter<number>();
    for (const [number, route] of routes.entries()) router.add("GET", route, number);
    let id = "";
    return {
      find(url) {
        const [handlers, captured] = router.match("GET", pathOf(url));
        const first = handlers[0];
        if (first === undefined) return -1;
        const at = first[1].id;
        id = typeof at === "number" ? (captured?.[at] ?? "") : (at ?? "");
        return first[0];
      },
      id: () => id,
    };
  },

  "hono TrieRouter"(routes) {
    const router = new TrieRouter<number>();
    for (const [number, route] of routes.entries()) router.add("GET", route, number);
    let id = "";
    return {
      find(url) {
        const first = router.match("GET", pathOf(url))[0][0];
        if (first === undefined) return -1;
        id = String(first[1].id ?? "");
        return first[0];
      },
      id: () => id,
    };
  },
};

function pathOf(url: string): string {
  const start = url.indexOf("/", "http://".length);
  const end = url.indexOf("?", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

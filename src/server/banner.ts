/** What a start prints: where, how much, on which core, how fast. */
import type { BunServer } from "../request/context.ts";
import type { Compiled } from "../routing/compile.ts";

export function printBanner({ endpoints, core }: Compiled, server: BunServer): void {
  const routes = `${endpoints.length} ${endpoints.length === 1 ? "route" : "routes"}`;
  // `performance.now()` counts from the start of the process, so loading the application is part of it.
  const took = Math.round(performance.now());
  console.log(`robyn  ${server.url}  ${routes} · ${core} core · started in ${took} ms`);
}

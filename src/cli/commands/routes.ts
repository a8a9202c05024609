/** `robyn routes app.ts`: what an application answers, without serving it. */
import type { Robyn } from "../../app.ts";
import { locationOf } from "../../routing/route.ts";
import { setLaunch } from "../../server/launch.ts";
import { isApp, loadApp, noApp } from "../load-app.ts";

/** One row, as `--json` prints it. */
export interface RouteRow {
  /** `WS` for a WebSocket route. */
  readonly method: string;
  readonly path: string;
  /** `file:line` of the definition. */
  readonly location: string;
  readonly const: boolean;
  /** Number of before and after hooks that may run for the route. */
  readonly hooks: number;
}

export async function printRoutes(file: string, json: boolean): Promise<void> {
  const rows = await listRoutes(await findApp(file));
  console.log(json ? JSON.stringify(rows, null, 2) : formatTable(rows));
  process.exit(0);
}

async function findApp(file: string): Promise<Robyn> {
  const { promise: started, resolve } = Promise.withResolvers<unknown>();
  setLaunch({ flags: {}, mode: "inspect", onStart: resolve, onListening: () => {} });
  // An app that awaits start() at the top level never finishes loading: start() tells of it first.
  const app = await Promise.race([started, loadApp(file).then((exports) => exports.default)]);
  if (isApp(app)) return app;
  throw noApp(file);
}

export async function listRoutes(app: Robyn): Promise<RouteRow[]> {
  const { endpoints } = await app.compile();
  return endpoints.map(({ route, hooks }) => ({
    method: route.socket === undefined ? route.method : "WS",
    path: route.path,
    location: locationOf(route.definedAt) ?? "",
    const: route.options.const === true,
    hooks,
  }));
}

function formatTable(rows: readonly RouteRow[]): string {
  const cells = [
    ["METHOD", "PATH", "CONST", "HOOKS", "DEFINED AT"],
    ...rows.map((row) => [
      row.method,
      row.path,
      row.const ? "const" : "",
      String(row.hooks || ""),
      row.location,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

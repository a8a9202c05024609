/** Who is measured, and how each is started. */
import { join } from "node:path";
import { type Kind, planOf } from "./plan.ts";

export interface Subject {
  readonly id: string;
  readonly runtime: "bun" | "node" | "python";
  readonly file: string;
  /** Whether an unknown path must be answered with 404. The controls do not route. */
  readonly routes: boolean;
  /** Answers `fixedId` to every parameter route: the control that does not read the request. */
  readonly answersFixedId?: boolean;
  /** Runs in `coreDirectory`, which harness/core.ts makes. */
  readonly ofCore?: boolean;
  /** Needs bench/node_modules. */
  readonly packages?: boolean;
}

export const subjects = {
  bare: { id: "bare", runtime: "bun", file: "bare.ts", routes: false, answersFixedId: true },
  bareUrl: { id: "bare-url", runtime: "bun", file: "bare-url.ts", routes: false },
  bunRoutes: { id: "bun-routes", runtime: "bun", file: "bun-routes.ts", routes: true },
  bunDirectory: { id: "bun-directory", runtime: "bun", file: "bun-directory.ts", routes: true },
  bunStatic: { id: "bun-static", runtime: "bun", file: "bun-static.ts", routes: true },
  robynCore: { id: "robyn-core", runtime: "bun", file: "robyn.ts", routes: true, ofCore: true },
  robyn: { id: "robyn", runtime: "bun", file: "robyn.ts", routes: true },
  memoirist: peer("memoirist"),
  elysia: peer("elysia"),
  elysiaNext: peer("elysia-next"),
  hono: peer("hono"),
  fastify: { id: "fastify", runtime: "node", file: "fastify.mjs", routes: true, packages: true },
  robynPython: { id: "robyn-python", runtime: "python", file: "robyn_python.py", routes: true },
  fastapi: { id: "fastapi", runtime: "python", file: "fastapi_app.py", routes: true },
} as const satisfies Record<string, Subject>;

export const benchDirectory: string = import.meta.dir;
/** Not in the repository: what is in it is made again when it is missing. */
export const cacheDirectory: string = join(benchDirectory, ".cache");
export const coreDirectory: string = join(cacheDirectory, "core");
export const python: string = join(benchDirectory, ".venv/bin/python");

const commands = { bun: process.execPath, node: "node", python };

/** Validation and files have subjects of their own, so that none loads what its plan does not use. */
const surface: readonly Kind[] = ["post", "coercion", "static"];

export function commandOf(subject: Subject, plan: string): string[] {
  const folder = surface.includes(planOf(plan).kind) ? "subjects/surface" : "subjects";
  const root = subject.ofCore ? join(coreDirectory, "bench") : benchDirectory;
  return [commands[subject.runtime], join(root, folder, subject.file), plan, "0"];
}

function peer(id: string) {
  return { id, runtime: "bun", file: `${id}.ts`, routes: true, packages: true } as const;
}

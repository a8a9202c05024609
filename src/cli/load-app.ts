/** Loads the file of an application, with `robyn` resolved to the running copy of the framework. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { appBrand, type Robyn } from "../app.ts";
import { RobynError } from "../errors.ts";

/**
 * Without this, an application in a folder without `node_modules` would make Bun install the public package of the
 * same name, which is somebody else's; with a copy of its own it would load a second framework beside this one.
 * `build.module` is used, because `onResolve` is not asked for bare names that Bun can install.
 */
export function resolveToRunningCopy(): void {
  Bun.plugin({
    name: "robyn",
    setup(build) {
      build.module("robyn", async () => ({
        exports: await import("../index.ts"),
        loader: "object",
      }));
      build.module("robyn/client", async () => ({
        exports: await import("../client/index.ts"),
        loader: "object",
      }));
      build.module("robyn/redis", async () => ({
        exports: await import("../redis/index.ts"),
        loader: "object",
      }));
      build.module("robyn/testing", async () => ({
        exports: await import("../testing/index.ts"),
        loader: "object",
      }));
    },
  });
}

/**
 * @returns the exports of the file.
 * @throws RobynError ROBYN_APP_NOT_FOUND
 */
export async function loadApp(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new RobynError(
      "ROBYN_APP_NOT_FOUND",
      `There is no file ${JSON.stringify(file)} in ${process.cwd()}.`,
      "Give the path of the application's TypeScript file, for instance: robyn app.ts",
    );
  }
  resolveToRunningCopy();
  return import(path);
}

export function isApp(value: unknown): value is Robyn {
  return typeof value === "object" && value !== null && appBrand in value;
}

export function noApp(file: string): RobynError {
  return new RobynError(
    "ROBYN_APP_INVALID",
    `${file} neither exports an app as default nor calls app.start().`,
    "End it with: export default app",
  );
}

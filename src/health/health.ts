/**
 * What probes ask: does this process work (liveness), and should it get requests (readiness)?
 *
 * Liveness asks nothing else, or a database that is away would get every server restarted. Readiness is 503 before the
 * server listens, while it drains, and while a check fails. An answer has the names of the checks and how they stand,
 * never what they threw.
 */
import { HttpError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { problemOf } from "../response/problem.ts";
import { check_timeout_s_default, checkHealthOptions, type HealthOptions } from "./options.ts";
import { Probe } from "./probe.ts";

/** `mounted`: served through `app.fetch`, so that nobody but the caller knows when. */
export type Phase = "mounted" | "starting" | "serving" | "draining";

export interface HealthRoute {
  readonly path: string;
  readonly handler: () => Promise<Response>;
}

/** @throws RobynError ROBYN_OPTION_INVALID */
export function healthRoutes(
  options: HealthOptions,
  phase: () => Phase,
  logger: () => Logger,
  onState: (name: string, isOk: boolean) => void,
): HealthRoute[] {
  checkHealthOptions(options);
  const { path, live = "/livez", ready = "/readyz", checks = {} } = options;
  const timeout_ms = (options.timeout ?? check_timeout_s_default) * 1_000;
  const probes = Object.entries(checks).map(
    ([name, check]) => new Probe(name, check, timeout_ms, logger),
  );
  const readiness = async () => await answerReadiness(phase(), probes, onState);
  if (path !== undefined) return [{ path, handler: readiness }];
  return [
    { path: live, handler: async () => pass({}) },
    { path: ready, handler: readiness },
  ];
}

async function answerReadiness(
  phase: Phase,
  probes: readonly Probe[],
  onState: (name: string, isOk: boolean) => void,
): Promise<Response> {
  if (phase === "draining") return fail("the server is draining", {});
  if (phase === "starting") return fail("the server is starting", {});
  const states = await Promise.all(probes.map((probe) => probe.ask()));
  for (const [index, { name }] of probes.entries()) onState(name, states[index] === "ok");
  const checks = Object.fromEntries(probes.map(({ name }, index) => [name, states[index]!]));
  if (states.every((state) => state === "ok")) return pass(checks);
  return fail("a check failed", checks);
}

/** An answer that a proxy kept would be about another moment. */
const headers = { "cache-control": "no-store" };

function pass(checks: Readonly<Record<string, string>>): Response {
  return Response.json({ status: "ok", checks }, { headers });
}

function fail(detail: string, checks: Readonly<Record<string, string>>): Response {
  return problemOf(new HttpError(503, detail, { headers, extensions: { checks } }));
}

/**
 * One scenario over HTTP. Every round starts every subject afresh, in an order that rotates.
 *
 * Afresh, because what differs between two starts of one subject (heap layout, when the compiler tiers up) is as large
 * as many differences between subjects: a median over starts covers it, a median over slices of one process does not.
 * It also leaves no idle server with timers and collections beside the one that is measured. The price is a warm-up
 * per round.
 */
import { findWrongAnswer } from "../harness/check.ts";
import { obstacleOf } from "../harness/prepare.ts";
import { reasonOf } from "../harness/reason.ts";
import { startServer } from "../harness/server.ts";
import { drive, withRequestsFile } from "../harness/wrk.ts";
import type { Options } from "../options.ts";
import { planOf } from "../plan.ts";
import { probesOf } from "../probes.ts";
import { type HttpFigures, type HttpSample, median, type Row } from "../results.ts";
import type { Entry, Scenario } from "../scenarios.ts";
import { commandOf } from "../subjects.ts";

type Load = Pick<Options, "rounds" | "seconds" | "warmUpSeconds" | "connections">;

export async function measureScenario(
  scenario: Scenario,
  entries: readonly Entry[],
  load: Load,
): Promise<Row<HttpSample>[]> {
  const skipped = new Map<Entry, string>();
  const failed = new Map<Entry, string>();
  const rounds = new Map<Entry, HttpFigures[]>(entries.map((entry) => [entry, []]));
  for (const entry of entries) {
    const reason = entry.skipped ?? obstacleOf(entry.subject);
    if (reason !== undefined) skipped.set(entry, reason);
  }
  for (let round = 0; round < load.rounds; round++) {
    for (const entry of rotate(entries, round)) {
      if (skipped.has(entry) || failed.has(entry)) continue;
      console.error(`bench: ${scenario.name}, round ${round + 1}, ${entry.label}`);
      try {
        rounds.get(entry)?.push(await measureOnce(entry, scenario.pipeline, load, round === 0));
      } catch (error) {
        failed.set(entry, reasonOf(error));
      }
    }
  }
  return entries.map((entry): Row<HttpSample> => {
    const { label } = entry;
    const reason = failed.get(entry);
    if (reason !== undefined) return { state: "failed", label, reason };
    const missing = skipped.get(entry);
    if (missing !== undefined) return { state: "skipped", label, reason: missing };
    const figures = rounds.get(entry) ?? [];
    return { state: "measured", label, figures: medians(figures), rounds: figures };
  });
}

/** @throws if the subject does not start or answers wrongly; it is then not timed. */
async function measureOnce(
  { subject, plan: name }: Entry,
  pipeline: number,
  { seconds, warmUpSeconds, connections }: Load,
  first: boolean,
): Promise<HttpFigures> {
  const plan = planOf(name);
  const server = await startServer(commandOf(subject, name));
  try {
    // All requests once, on the first start; later starts serve the same code.
    const wrong = await findWrongAnswer(server.origin, subject, plan, first ? undefined : 20);
    if (wrong !== undefined) throw new Error(`wrong answer: ${wrong}`);
    return await withRequestsFile(probesOf(plan, false), async (requestsFile) => {
      const load = { origin: server.origin, requestsFile, connections, pipeline };
      await drive({ ...load, seconds: warmUpSeconds });
      const before = server.usage();
      const result = await drive({ ...load, seconds });
      const after = server.usage();
      const user = after.userSeconds - before.userSeconds;
      const system = after.systemSeconds - before.systemSeconds;
      return {
        requestsPerSecond: result.requests / result.seconds,
        p50Microseconds: result.p50Microseconds,
        p99Microseconds: result.p99Microseconds,
        userMicroseconds: (user * 1e6) / result.requests,
        systemMicroseconds: (system * 1e6) / result.requests,
        residentBytes: after.residentBytes,
        busy: (user + system) / result.seconds,
      };
    });
  } finally {
    await server.stop();
  }
}

/** Whoever comes first in a round may meet a warmer or colder machine: nobody comes first twice in a row. */
export function rotate<Item>(items: readonly Item[], round: number): Item[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

function medians(rounds: readonly HttpFigures[]): HttpFigures {
  const of = (figure: keyof HttpFigures) => median(rounds.map((round) => round[figure]));
  return {
    requestsPerSecond: of("requestsPerSecond"),
    p50Microseconds: of("p50Microseconds"),
    p99Microseconds: of("p99Microseconds"),
    userMicroseconds: of("userMicroseconds"),
    systemMicroseconds: of("systemMicroseconds"),
    residentBytes: of("residentBytes"),
    busy: of("busy"),
  };
}

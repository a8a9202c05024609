/** Resident memory after 100,000, 1 and 2 million requests to 10 parameter routes: how much, and whether it grows. */
import { findWrongAnswer } from "../harness/check.ts";
import { obstacleOf } from "../harness/prepare.ts";
import { reasonOf } from "../harness/reason.ts";
import { startServer } from "../harness/server.ts";
import { drive, withRequestsFile } from "../harness/wrk.ts";
import type { Options } from "../options.ts";
import { planOf } from "../plan.ts";
import { probesOf } from "../probes.ts";
import { type MemorySample, median, type Row } from "../results.ts";
import { commandOf, type Subject, subjects } from "../subjects.ts";
import { rotate } from "./http.ts";

/** Memory differs less between starts than time does. */
const roundsMost = 3;

const measuredSubjects: readonly Subject[] = [
  subjects.bare,
  subjects.bareUrl,
  subjects.robynCore,
  subjects.robyn,
];
const planName = "param-10";

export async function measureMemory(options: Options): Promise<Row<MemorySample>[]> {
  const marks = options.quick ? [5_000, 10_000] : [100_000, 1_000_000, 2_000_000];
  const taken = new Map<Subject, number[][]>(measuredSubjects.map((subject) => [subject, []]));
  const failed = new Map<Subject, string>();
  const skipped = new Map<Subject, string>();
  for (const subject of measuredSubjects) {
    const reason = obstacleOf(subject);
    if (reason !== undefined) skipped.set(subject, reason);
  }
  for (let round = 0; round < Math.min(options.rounds, roundsMost); round++) {
    for (const subject of rotate(measuredSubjects, round)) {
      if (skipped.has(subject) || failed.has(subject)) continue;
      console.error(`bench: memory, round ${round + 1}, ${subject.id}`);
      try {
        taken.get(subject)?.push(await measureOnce(subject, marks, options.connections));
      } catch (error) {
        failed.set(subject, reasonOf(error));
      }
    }
  }
  return measuredSubjects.map((subject): Row<MemorySample> => {
    const reason = failed.get(subject);
    if (reason !== undefined) return { state: "failed", label: subject.id, reason };
    const missing = skipped.get(subject);
    if (missing !== undefined) return { state: "skipped", label: subject.id, reason: missing };
    const rounds = taken.get(subject) ?? [];
    const at = marks.map((requests, index) => ({
      requests,
      residentBytes: median(rounds.map((round) => round[index] ?? Number.NaN)),
    }));
    return { state: "measured", label: subject.id, at };
  });
}

/** @returns resident bytes at each mark; the marks are reached from below to within a tenth of a second of load. */
async function measureOnce(
  subject: Subject,
  marks: readonly number[],
  connections: number,
): Promise<number[]> {
  const server = await startServer(commandOf(subject, planName));
  try {
    const plan = planOf(planName);
    const wrong = await findWrongAnswer(server.origin, subject, plan);
    if (wrong !== undefined) throw new Error(`wrong answer: ${wrong}`);
    return await withRequestsFile(probesOf(plan, false), async (requestsFile) => {
      const resident: number[] = [];
      let done = 0;
      let perSecond = 100_000;
      for (const mark of marks) {
        while (done < mark) {
          const seconds = Math.max(0.1, (mark - done) / perSecond);
          const load = { origin: server.origin, requestsFile, connections, pipeline: 1 };
          const result = await drive({ ...load, seconds });
          done += result.requests;
          perSecond = result.requests / result.seconds;
        }
        resident.push(server.usage().residentBytes);
      }
      return resident;
    });
  } finally {
    await server.stop();
  }
}

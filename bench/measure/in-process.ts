/** What needs no socket: defining routes, and matching them. Each measurement is a process of its own. */
import { join } from "node:path";
import { onServerProcessor } from "../harness/machine.ts";
import { installPackages } from "../harness/prepare.ts";
import { reasonOf } from "../harness/reason.ts";
import type { Options } from "../options.ts";
import { median, type Row, type Sample } from "../results.ts";
import { benchDirectory } from "../subjects.ts";

interface Measurement {
  readonly label: string;
  readonly routes: number;
  readonly script: string;
  readonly arguments: readonly string[];
}

const define = (label: string, routes: number): Measurement => ({
  label,
  routes,
  script: "define.ts",
  arguments: [label, String(routes)],
});

const definitions: readonly Measurement[] = [
  ...[1_000, 2_000, 5_000, 10_000].map((routes) => define("robyn", routes)),
  // Its time grows faster than the square of the number: 10,000 would take most of a minute.
  ...[1_000, 2_000].map((routes) => define("bun-routes", routes)),
];

/** `robyn` finds and leaves the parameter as a span, which is all that `find` does; the others always cut it out. */
const matches = (milliseconds: number): Measurement[] =>
  [20, 1_000].flatMap((routes) =>
    [
      ["robyn find", "robyn", "find"],
      ["robyn find and read", "robyn", "read"],
      ["memoirist", "memoirist", "read"],
      ["find-my-way", "find-my-way", "read"],
      ["hono RegExpRouter", "hono RegExpRouter", "read"],
      ["hono TrieRouter", "hono TrieRouter", "read"],
    ].map(([label = "", name = "", what = ""]) => ({
      label,
      routes,
      script: "micro.ts",
      arguments: [name, String(routes), what, String(milliseconds)],
    })),
  );

const records = (milliseconds: number): Measurement[] => [
  {
    label: "metrics record",
    routes: 1_000,
    script: "metrics.ts",
    arguments: ["1000", String(milliseconds)],
  },
];

/** @returns milliseconds until the routes can be matched. */
export function measureDefine(options: Options): Promise<Row<Sample>[]> {
  return measureAll("define", definitions, options.rounds);
}

/** @returns nanoseconds per match, or per record. */
export async function measureMicro(options: Options): Promise<Row<Sample>[]> {
  const milliseconds = options.quick ? 100 : 1_000;
  const own = await measureAll("micro", records(milliseconds), options.rounds);
  const obstacle = installPackages();
  if (obstacle !== undefined)
    return [...own, { state: "skipped", label: "all matchers", reason: obstacle }];
  return [...own, ...(await measureAll("micro", matches(milliseconds), options.rounds))];
}

async function measureAll(
  name: string,
  measurements: readonly Measurement[],
  rounds: number,
): Promise<Row<Sample>[]> {
  const values = new Map<Measurement, number[]>(measurements.map((one) => [one, []]));
  const failed = new Map<Measurement, string>();
  for (let round = 0; round < rounds; round++) {
    console.error(`bench: ${name}, round ${round + 1}`);
    for (const measurement of measurements) {
      if (failed.has(measurement)) continue;
      try {
        values.get(measurement)?.push(await runOnce(measurement));
      } catch (error) {
        failed.set(measurement, reasonOf(error));
      }
    }
  }
  return measurements.map((measurement): Row<Sample> => {
    const { label, routes } = measurement;
    const reason = failed.get(measurement);
    if (reason !== undefined) return { state: "failed", label: `${label} (${routes})`, reason };
    const all = values.get(measurement) ?? [];
    return { state: "measured", label, routes, median: median(all), rounds: all };
  });
}

async function runOnce({ script, arguments: words }: Measurement): Promise<number> {
  const file = join(benchDirectory, "in-process", script);
  const child = Bun.spawn(onServerProcessor([process.execPath, file, ...words]), {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NODE_ENV: "production" },
  });
  const [text, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const value = Number(text.trim().split("\n").at(-1));
  if (exitCode === 0 && value > 0) return value;
  const why = errors.split("\n").find((line) => /error/i.test(line));
  throw new Error(why?.trim() ?? `${script} ended with ${exitCode}`);
}

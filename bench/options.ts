/** The command line of the benchmark. */
import { parseArgs } from "node:util";
import { scenarios } from "./scenarios.ts";
import { subjects } from "./subjects.ts";

export interface Options {
  /** Names of what is measured. */
  scenarios: readonly string[];
  /** Ids of who is measured; empty means all. Controls and robyn are always measured. */
  subjects: readonly string[];
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
  connections: number;
  quick: boolean;
}

export const otherMeasurements = [
  "start",
  "memory",
  "big-body",
  "define",
  "micro",
  "channel",
  "bus",
] as const;

const scenarioNames: readonly string[] = [
  ...scenarios.map(({ name }) => name),
  ...otherMeasurements,
];
const subjectIds: readonly string[] = Object.values(subjects).map(({ id }) => id);

export const usage = `bun run bench [options]

  --scenario a,b     what is measured (default all): ${scenarioNames.join(", ")}
  --subjects a,b     who is measured beside controls and robyn (default all): ${subjectIds.join(", ")}
  --rounds N         starts of each subject (default 5)
  --seconds S        load per start, after the warm-up (default 3)
  --connections C    open connections (default 64)
  --quick            1 round of 0.3 s: shows that everything runs, its figures mean nothing
  --help`;

/** @throws TypeError naming the option and what it takes. */
export function readOptions(words: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...words],
    options: {
      scenario: { type: "string" },
      subjects: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      connections: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const { quick } = values;
  return {
    scenarios: list("--scenario", values.scenario, scenarioNames) ?? scenarioNames,
    subjects: list("--subjects", values.subjects, subjectIds) ?? [],
    rounds: number("--rounds", values.rounds, quick ? 1 : 5),
    seconds: number("--seconds", values.seconds, quick ? 0.3 : 3),
    warmUpSeconds: quick ? 0.2 : 1,
    connections: number("--connections", values.connections, 64),
    quick,
  };
}

function list(name: string, text: string | undefined, known: readonly string[]) {
  const words = text?.split(",");
  const unknown = words?.find((word) => !known.includes(word));
  if (unknown === undefined) return words;
  throw new TypeError(`${name} does not know "${unknown}". It takes ${known.join(", ")}.`);
}

function number(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new TypeError(`${name} is "${text}". It takes a number above 0.`);
}

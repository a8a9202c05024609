/** The targets of the project beside what this run measured. A target may be missed; a figure may not be dressed up. */
import { type HttpFigures, measured, ratioOf, type Report, type TargetRow } from "../results.ts";

type Results = Omit<Report, "targets">;

interface Target {
  what: string;
  /** `undefined`: what it needs was not measured. */
  value: number | undefined;
  limit: number;
  /** Which side of the limit is met. */
  side: "≤" | "≥";
  unit: string;
  digits: number;
}

export function targetsOf(results: Results): TargetRow[] {
  const targets: Target[] = [
    {
      what: "10 parameter routes: user CPU against bare fetch",
      value: userRatio(results, "param-10"),
      ...atMost(1.2, "×", 2),
    },
    {
      what: "1,000 parameter routes: user CPU against bare fetch",
      value: userRatio(results, "param-1000"),
      ...atMost(1.25, "×", 2),
    },
    {
      what: "10,000 parameter routes: user CPU against bare fetch",
      value: userRatio(results, "param-10000"),
      ...atMost(1.25, "×", 2),
    },
    {
      what: "defining and sealing 10,000 routes",
      value: definedIn(results, 10_000),
      ...atMost(100, "ms", 0),
    },
    {
      // Not from 1,000 on: there the library is loaded and the compiler cold, which would flatter the slope.
      what: "linear: defining 10,000 routes against 5,000",
      value: ratioOf(definedIn(results, 10_000), definedIn(results, 5_000)),
      ...atMost(2.5, "×", 2),
    },
    {
      what: "const route: user CPU against Bun's static route",
      value: userRatio(results, "const"),
      ...atMost(1.1, "×", 2),
    },
    {
      what: "const route, 16 pipelined: requests/s against a handler route",
      value: ratioOf(
        figuresOf(results, "const-pipelined", "robyn (const)")?.requestsPerSecond,
        figuresOf(results, "const-pipelined", "robyn (handler)")?.requestsPerSecond,
      ),
      limit: 8,
      side: "≥",
      unit: "×",
      digits: 1,
    },
    {
      what: "native find through FFI, URL passed, 1,000 routes",
      value: foundIn(results, 1_000),
      ...atMost(60, "ns", 0),
    },
    {
      what: "one before and one after hook: more user CPU per request",
      value: moreForHooks(results),
      ...atMost(0.15, "µs", 2),
    },
    {
      what: "robyn hello to first 200, against bare Bun",
      value: ratioOf(
        measured(results.start, "robyn")?.median,
        measured(results.start, "bare")?.median,
      ),
      ...atMost(1.5, "×", 2),
    },
    {
      what: "resident memory after 1 million requests, above bare Bun",
      value: megabytesBetween(
        residentAt(results, "bare")?.million,
        residentAt(results, "robyn")?.million,
      ),
      ...atMost(12, "MB", 1),
    },
    {
      // A leak of four bytes a request would show; less is what a collector's heap moves about by itself.
      what: "resident memory is flat: growth from 1 to 2 million requests",
      value: megabytesBetween(
        residentAt(results, "robyn")?.million,
        residentAt(results, "robyn")?.last,
      ),
      ...atMost(4, "MB", 1),
    },
    {
      what: "channel across processes: messages of 100 bytes per second",
      value: measured(results.channel, "robyn channel")?.messagesPerSecond,
      limit: 500_000,
      side: "≥",
      unit: "/s",
      digits: 0,
    },
    {
      what: "channel across processes: p99 from sending to receiving, at 10,000/s",
      value: milliseconds(measured(results.channel, "robyn channel")?.p99Microseconds),
      ...atMost(1, "ms", 2),
    },
  ];
  return targets.map(toRow);
}

function toRow({ what, value, limit, side, unit, digits }: Target): TargetRow {
  // A limit has no more digits than it needs; a figure has as many as can be told apart.
  const target = `${side} ${unit === "×" && limit < 2 ? limit.toFixed(2) : limit} ${unit}`;
  if (value === undefined || !Number.isFinite(value)) {
    return { what, target, measured: "not measured", met: undefined };
  }
  return {
    what,
    target,
    measured: `${value.toFixed(digits)} ${unit}`,
    met: side === "≤" ? value <= limit : value >= limit,
  };
}

function milliseconds(microseconds: number | undefined): number | undefined {
  return microseconds === undefined ? undefined : microseconds / 1e3;
}

function atMost(limit: number, unit: string, digits: number) {
  return { limit, side: "≤", unit, digits } as const;
}

/** The control is the first row of its scenario. */
function userRatio(results: Results, scenario: string): number | undefined {
  const control = results.scenarios.find(({ name }) => name === scenario)?.rows[0]?.label;
  const of = (label: string) => figuresOf(results, scenario, label)?.userMicroseconds;
  return control === undefined ? undefined : ratioOf(of("robyn"), of(control));
}

function moreForHooks(results: Results): number | undefined {
  const without = figuresOf(results, "hooks", "robyn");
  const around = figuresOf(results, "hooks", "robyn with hooks");
  return without && around && around.userMicroseconds - without.userMicroseconds;
}

function figuresOf(results: Results, scenario: string, label: string): HttpFigures | undefined {
  const rows = results.scenarios.find(({ name }) => name === scenario)?.rows ?? [];
  return measured(rows, label)?.figures;
}

function definedIn(results: Results, routes: number): number | undefined {
  return measured(
    results.define.filter((row) => row.state === "measured" && row.routes === routes),
    "robyn",
  )?.median;
}

function foundIn(results: Results, routes: number): number | undefined {
  return measured(
    results.micro.filter((row) => row.state === "measured" && row.routes === routes),
    "robyn find",
  )?.median;
}

function residentAt(results: Results, label: string) {
  const at = measured(results.memory, label)?.at ?? [];
  const million = at.find(({ requests }) => requests === 1_000_000)?.residentBytes;
  return million === undefined ? undefined : { million, last: at.at(-1)?.residentBytes };
}

function megabytesBetween(less: number | undefined, more: number | undefined) {
  return less === undefined || more === undefined ? undefined : (more - less) / 1e6;
}

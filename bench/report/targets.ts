/** The targets of the project beside what this run measured. A target may be missed; a figure may not be dressed up. */
import {
  bothMicroseconds,
  type HttpFigures,
  measured,
  ratioOf,
  type Report,
  type TargetRow,
} from "../results.ts";

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
      what: "cached route, hit: user CPU against bare fetch that clones a prepared response",
      value: userRatio(results, "cached"),
      ...atMost(1.15, "×", 2),
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
      what: "metrics on: user CPU against the same without them",
      value: ratioOf(
        figuresOf(results, "metrics", "robyn with metrics")?.userMicroseconds,
        figuresOf(results, "metrics", "robyn")?.userMicroseconds,
      ),
      ...atMost(1.03, "×", 2),
    },
    {
      what: "recording a request, 1,000 routes in turn",
      value: measured(results.micro, "metrics record")?.median,
      ...atMost(60, "ns", 0),
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
    {
      what: "publish across 4 processes: messages of 100 bytes per second into the bus",
      value: measured(results.bus, "robyn bus")?.messagesPerSecond,
      limit: 100_000,
      side: "≥",
      unit: "/s",
      digits: 0,
    },
    {
      what: "publish across 4 processes: p99 to each of the others, at 10,000/s",
      value: milliseconds(measured(results.bus, "robyn bus")?.p99Microseconds),
      ...atMost(2, "ms", 2),
    },
    ...surfaceTargets(results),
  ];
  return targets.map(toRow);
}

/** Validation and files. */
function surfaceTargets(results: Results): Target[] {
  return [
    {
      what: "POST with a schema of three fields: user CPU against bare fetch without one",
      value: userRatio(results, "post"),
      ...atMost(1.15, "×", 2),
    },
    {
      what: "the same with a response schema",
      value: userRatio(results, "post-response"),
      ...atMost(1.25, "×", 2),
    },
    {
      what: "four fields of path and query coerced: user CPU against parsing them by hand",
      value: userRatio(results, "coercion"),
      ...atMost(1.3, "×", 2),
    },
    {
      what: "file of 1 KiB: user CPU against Bun's directory route",
      value: userRatio(results, "static-1k"),
      ...atMost(1.1, "×", 2),
    },
    {
      what: "file of 1 KiB: user and system CPU against Bun's directory route",
      value: ratioToControl(results, "static-1k", bothMicroseconds),
      ...atMost(1.1, "×", 2),
    },
    {
      // Not user time alone: a few microseconds beside 80 of the system, which no sampling clock tells apart.
      what: "file of 1 MiB: user and system CPU against Bun's directory route",
      value: ratioToControl(results, "static-1m", bothMicroseconds),
      ...atMost(1.1, "×", 2),
    },
    ...["upload", "download"].map((what) => ({
      what: `1 GiB ${what}: most resident memory above that before it`,
      value: peakAbove(results, `robyn ${what}`),
      ...atMost(64, "MiB", 0),
    })),
    {
      what: "an app that uses none of these: user CPU against the core alone",
      value: userRatio(results, "unused"),
      ...atMost(1.05, "×", 2),
    },
    {
      what: "an app that uses none of these: start against the core alone",
      value: ratioOf(
        measured(results.start, "robyn")?.median,
        measured(results.start, "robyn-core")?.median,
      ),
      ...atMost(1.05, "×", 2),
    },
    {
      what: "an app that uses none of these: resident memory above the core alone",
      value: megabytesBetween(
        residentAt(results, "robyn-core")?.million,
        residentAt(results, "robyn")?.million,
      ),
      ...atMost(2, "MB", 1),
    },
  ];
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

function userRatio(results: Results, scenario: string): number | undefined {
  return ratioToControl(results, scenario, ({ userMicroseconds }) => userMicroseconds);
}

/** The control is the first row of its scenario. */
function ratioToControl(
  results: Results,
  scenario: string,
  take: (figures: HttpFigures) => number,
): number | undefined {
  const control = results.scenarios.find(({ name }) => name === scenario)?.rows[0]?.label;
  const ours = figuresOf(results, scenario, "robyn");
  const theirs = control === undefined ? undefined : figuresOf(results, scenario, control);
  return ours && theirs && ratioOf(take(ours), take(theirs));
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

/** Mebibytes, as the limit is given. */
function peakAbove(results: Results, label: string): number | undefined {
  const sample = measured(results.bigBody, label);
  return sample && (sample.peakBytes - sample.baseBytes) / 2 ** 20;
}

function megabytesBetween(less: number | undefined, more: number | undefined) {
  return less === undefined || more === undefined ? undefined : (more - less) / 1e6;
}

/** The tables, for the terminal and for bench/results/latest.md. */
import {
  type ChannelSample,
  type BigBodySample,
  bothMicroseconds,
  type HttpSample,
  measured,
  type MemorySample,
  ratioOf,
  type Report,
  type Row,
  type Sample,
} from "../results.ts";

export function toMarkdown(report: Report): string {
  const { machine, options } = report;
  const lines = [
    "# Benchmark results",
    "",
    `${machine.processor}, ${machine.processors} processors${machine.pinned ? ", server and driver pinned to one each" : ""}, ` +
      `${machine.kernel}. Bun ${machine.bun}, Node ${machine.node}, Zig ${machine.zig}, ${machine.wrk}. ` +
      `${machine.date.slice(0, 10)}, commit ${machine.commit}, load average before the run ${machine.loadAverage}.`,
    "",
    `Medians of ${options.rounds} ${options.rounds === 1 ? "round" : "rounds"}, ${options.seconds} s each after ` +
      `${options.warmUpSeconds} s of warm-up, ${options.connections} connections. What the columns mean and how far to ` +
      "trust them: bench/README.md.",
    "",
  ];
  if (options.quick) lines.push("**Quick run: its figures mean nothing.**", "");
  for (const { name, title, rows } of report.scenarios) {
    lines.push(`## ${name}: ${title}`, "", ...httpTable(rows), "");
  }
  if (report.start.length > 0) {
    const title = "## start: from the start of the process to the first answer";
    lines.push(title, "", ...sampleTable(report.start, "ms", "bare"), "");
  }
  if (report.memory.length > 0) {
    const title = "## memory: resident after so many requests, 10 parameter routes";
    lines.push(title, "", ...memoryTable(report.memory), "");
  }
  if (report.bigBody.length > 0) {
    const title = "## big-body: resident memory while one large body is on its way, worst round";
    lines.push(title, "", ...bigBodyTable(report.bigBody), "");
  }
  if (report.define.length > 0) {
    const title = "## define: until the routes can be matched, cold process";
    lines.push(title, "", ...sampleTable(report.define, "ms"), "");
  }
  if (report.micro.length > 0) {
    const title = "## micro: one match of a whole URL, best loop, without a server";
    lines.push(title, "", ...sampleTable(report.micro, "ns"), "");
  }
  if (report.channel.length > 0) {
    const title = "## channel: 100 bytes of JSON from one process to another";
    lines.push(title, "", ...channelTable(report.channel), "");
  }
  if (report.bus.length > 0) {
    const title = "## bus: 100 bytes from each of four processes to the three others";
    lines.push(title, "", ...channelTable(report.bus), "");
  }
  lines.push("## targets", "", ...targetTable(report), "");
  return lines.join("\n");
}

function httpTable(rows: readonly Row<HttpSample>[]): string[] {
  const control = rows[0]?.state === "measured" ? rows[0].figures : undefined;
  const heads = [
    "subject",
    "req/s",
    "p50 µs",
    "p99 µs",
    "user µs",
    "× control",
    "system µs",
    "both µs",
    "× control",
    "RSS MB",
    "busy",
    "note",
  ];
  return table(
    heads,
    rows.map((row) => {
      if (row.state !== "measured") return notMeasured(row, heads.length);
      const { figures, rounds } = row;
      const users = rounds.map((round) => round.userMicroseconds);
      return [
        row.label,
        Math.round(figures.requestsPerSecond).toLocaleString("en"),
        latency(figures.p50Microseconds),
        latency(figures.p99Microseconds),
        `${figures.userMicroseconds.toFixed(2)}${spread(users, 2)}`,
        times(figures.userMicroseconds, control?.userMicroseconds),
        figures.systemMicroseconds.toFixed(2),
        bothMicroseconds(figures).toFixed(2),
        times(bothMicroseconds(figures), control && bothMicroseconds(control)),
        megabytes(figures.residentBytes),
        `${Math.round(figures.busy * 100)} %`,
      ];
    }),
  );
}

function sampleTable(rows: readonly Row<Sample>[], unit: string, control?: string): string[] {
  const withRoutes = rows.some((row) => row.state === "measured" && row.routes !== undefined);
  const base = control === undefined ? undefined : measured(rows, control)?.median;
  const heads = [
    "subject",
    ...(withRoutes ? ["routes"] : []),
    unit,
    ...(control ? ["× bare"] : []),
    "note",
  ];
  return table(
    heads,
    rows.map((row) => {
      if (row.state !== "measured") return notMeasured(row, heads.length);
      const cells = [row.label];
      if (withRoutes) cells.push((row.routes ?? 0).toLocaleString("en"));
      cells.push(`${row.median.toFixed(1)}${spread(row.rounds, 1)}`);
      if (control) cells.push(times(row.median, base));
      return cells;
    }),
  );
}

function memoryTable(rows: readonly Row<MemorySample>[]): string[] {
  const marks = rows.find((row) => row.state === "measured");
  const at = marks?.state === "measured" ? marks.at : [];
  const heads = [
    "subject",
    ...at.map(({ requests }) => `${requests.toLocaleString("en")}: MB`),
    "note",
  ];
  return table(
    heads,
    rows.map((row) =>
      row.state === "measured"
        ? [row.label, ...row.at.map(({ residentBytes }) => megabytes(residentBytes))]
        : notMeasured(row, heads.length),
    ),
  );
}

function channelTable(rows: readonly Row<ChannelSample>[]): string[] {
  const heads = ["subject", "messages/s", "p50 µs", "p99 µs", "note"];
  return table(
    heads,
    rows.map((row) => {
      if (row.state !== "measured") return notMeasured(row, heads.length);
      const { messagesPerSecond, p50Microseconds, p99Microseconds, rounds } = row;
      return [
        row.label,
        Math.round(messagesPerSecond).toLocaleString("en"),
        latency(p50Microseconds),
        `${latency(p99Microseconds)}${spread(
          rounds.map((round) => round.p99Microseconds),
          0,
        )}`,
      ];
    }),
  );
}

function bigBodyTable(rows: readonly Row<BigBodySample>[]): string[] {
  const heads = ["subject", "body MiB", "before MiB", "most MiB", "more MiB", "s", "note"];
  return table(
    heads,
    rows.map((row) => {
      if (row.state !== "measured") return notMeasured(row, heads.length);
      const { bytes, baseBytes, peakBytes, seconds } = row;
      const sizes = [bytes, baseBytes, peakBytes, peakBytes - baseBytes];
      return [row.label, ...sizes.map((size) => (size / 2 ** 20).toFixed(0)), seconds.toFixed(1)];
    }),
  );
}

function targetTable({ targets, options }: Report): string[] {
  return table(
    ["what", "target", "measured", "verdict"],
    targets.map(({ what, target, measured: value, met }) => [
      what,
      target,
      value,
      met === undefined || options.quick ? "–" : met ? "met" : "**missed**",
    ]),
  );
}

/** Dashes, and the reason in the last column. */
function notMeasured(row: { state: string; label: string; reason: string }, columns: number) {
  const note = row.state === "failed" ? `**not timed**: ${row.reason}` : `skipped: ${row.reason}`;
  return [row.label, ...Array<string>(columns - 2).fill("–"), note.replaceAll("|", "\\|")];
}

/** Half the distance between the least and the greatest round. */
function spread(values: readonly number[], digits: number): string {
  if (values.length < 2) return "";
  return ` ±${((Math.max(...values) - Math.min(...values)) / 2).toFixed(digits)}`;
}

function times(value: number, control: number | undefined): string {
  return (ratioOf(value, control) ?? Number.NaN).toFixed(2).replace("NaN", "–");
}

/** wrk says 0 where a run was too short to tell. */
function latency(microseconds: number): string {
  return microseconds === 0 ? "–" : microseconds.toFixed(0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Padded, so that it reads as a table in a terminal too. Figures to the right, words to the left. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => heads.map((_, column) => row[column] ?? ""));
  const widths = heads.map((head, column) =>
    Math.max(3, head.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const isWord = heads.map((head) => ["subject", "what", "note"].includes(head));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => pad(cell, widths[at] ?? 0, isWord[at] ?? false)).join(" | ")} |`;
  const rule = widths.map((width, at) =>
    isWord[at] ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(heads), `| ${rule.join(" | ")} |`, ...cells.map(line)];
}

function pad(cell: string, width: number, left: boolean): string {
  return left ? cell.padEnd(width) : cell.padStart(width);
}

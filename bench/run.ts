/** `bun run bench`: measures, prints the tables, and writes bench/results. README.md says what the figures mean. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describeMachine, moveToDriverProcessor } from "./harness/machine.ts";
import { wrkMissing } from "./harness/wrk.ts";
import { measureBus, measureChannel } from "./measure/channel.ts";
import { measureBigBody } from "./measure/big-body.ts";
import { measureScenario } from "./measure/http.ts";
import { measureDefine, measureMicro } from "./measure/in-process.ts";
import { measureMemory } from "./measure/memory.ts";
import { measureStart } from "./measure/start.ts";
import { type Options, otherMeasurements, readOptions, usage } from "./options.ts";
import { toMarkdown } from "./report/markdown.ts";
import { toPlot } from "./report/plot.ts";
import { targetsOf } from "./report/targets.ts";
import type { Report, Row, ScenarioResult } from "./results.ts";
import { type Entry, type Scenario, scenarios } from "./scenarios.ts";
import { benchDirectory, subjects } from "./subjects.ts";

const options = readOptionsOrExit();
const obstacle = existsSync("/proc/self/stat")
  ? wrkMissing
  : "The benchmark reads processor time and memory from /proc: it needs Linux";
if (obstacle !== undefined) {
  console.error(obstacle);
  process.exit(1);
}

// Ends through the exit hook of harness/server.ts, which takes the subject along.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

const report = await measureAll(options);
const markdown = toMarkdown(report);
console.log(markdown);
await save(report, markdown);

const failures = [
  ...report.scenarios.flatMap(({ rows }) => rows),
  ...report.start,
  ...report.memory,
  ...report.bigBody,
  ...report.define,
  ...report.micro,
  ...report.channel,
  ...report.bus,
].filter(({ state }) => state === "failed");
for (const row of failures) {
  if (row.state === "failed") console.error(`bench: ${row.label} was not timed: ${row.reason}`);
}
process.exit(failures.length === 0 ? 0 : 1);

async function measureAll(chosen: Options): Promise<Report> {
  moveToDriverProcessor();
  const wants = (name: string) => chosen.scenarios.includes(name);
  const measure = <Sample>(name: string, how: (options: Options) => Promise<Row<Sample>[]>) =>
    wants(name) ? how(chosen) : Promise.resolve([]);
  // Before the first load: afterwards the load average is our own.
  const machine = describeMachine();
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    if (!wants(scenario.name)) continue;
    const { name, title } = scenario;
    results.push({
      name,
      title,
      rows: await measureScenario(scenario, entriesOf(scenario), chosen),
    });
  }
  const all = {
    machine,
    options: chosen,
    scenarios: results,
    start: await measure("start", measureStart),
    memory: await measure("memory", measureMemory),
    bigBody: await measure("big-body", measureBigBody),
    define: await measure("define", measureDefine),
    micro: await measure("micro", measureMicro),
    channel: await measure("channel", measureChannel),
    bus: await measure("bus", measureBus),
  };
  return { ...all, targets: targetsOf(all) };
}

/** The control and robyn are always there: a ratio without them says nothing. */
function entriesOf({ entries }: Scenario): Entry[] {
  return entries.filter(
    ({ subject }, index) =>
      index === 0 ||
      subject.id === subjects.robyn.id ||
      options.subjects.length === 0 ||
      options.subjects.includes(subject.id),
  );
}

/** Only a full run becomes `latest`, which is kept in the repository; any other one is `partial`, which is not. */
async function save(finished: Report, text: string): Promise<void> {
  const { scenarios: names, subjects: ids, quick } = finished.options;
  const full =
    !quick && ids.length === 0 && names.length === scenarios.length + otherMeasurements.length;
  const directory = join(benchDirectory, "results");
  const name = join(directory, full ? "latest" : "partial");
  mkdirSync(directory, { recursive: true });
  await Bun.write(`${name}.json`, `${JSON.stringify(finished, null, 2)}\n`);
  await Bun.write(`${name}.md`, text);
  await Bun.write(`${name}.svg`, toPlot(finished));
  // What lies in the repository is formatted like all of it.
  Bun.spawnSync([process.execPath, "fmt", "--no-script", `${name}.json`, `${name}.md`]);
}

function readOptionsOrExit(): Options {
  try {
    const read = readOptions(process.argv.slice(2));
    if (read !== "help") return read;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

/**
 * The whole test command: set-up, format, types, Zig tests, TypeScript tests. Ends with `N passed, N failed`, where
 * each test, and each check that is no test, counts one.
 */
import { join } from "node:path";
import { findZig, setUp } from "../native/build.ts";

const root = join(import.meta.dir, "..");
const sources = ["src", "bin", "test", "examples", "native", "bench"];

/** Outside of the root of the tests, so each is named. */
const benchTests = ["./bench/bench.test.ts", "./bench/websocket/websocket.test.ts"];

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
const startedAt = Date.now();

setUp();
const zig = findZig();
await check("format of the TypeScript", [
  process.execPath,
  "fmt",
  "--no-script",
  "--check",
  ...sources,
]);
await check("format of the Zig", [zig, "fmt", "--check", "native", "build.zig"]);
await check("types", [process.execPath, "check", "--no-script"]);
await zigTests();
await bunTests();

console.log(`\nin ${Math.round((Date.now() - startedAt) / 1_000)} s`);
const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : "";
console.log(`${tally.passed} passed, ${tally.failed} failed${skipped}`);
process.exit(tally.failed === 0 ? 0 : 1);

async function check(what: string, command: string[]): Promise<void> {
  const { exitCode, output } = await capture(command);
  if (exitCode !== 0) console.log(output);
  count(what, exitCode === 0 ? 1 : 0, exitCode === 0 ? 0 : 1, 0);
}

async function zigTests(): Promise<void> {
  const { exitCode, output } = await capture([
    zig,
    "build",
    "test",
    "fuzz-object",
    "--summary",
    "all",
  ]);
  const passed = /(\d+)\/\d+ tests passed/.exec(output);
  if (exitCode !== 0 || passed === null) console.log(output);
  count("Zig tests", Number(passed?.[1] ?? 0), exitCode === 0 && passed !== null ? 0 : 1, 0);
}

async function bunTests(): Promise<void> {
  const { exitCode, output } = await capture(
    [process.execPath, "test", "--timeout", "30000", "test", ...benchTests],
    true,
  );
  const number = (label: string) =>
    Number(new RegExp(`^\\s*(\\d+) ${label}$`, "m").exec(output)?.[1] ?? 0);
  const failed = number("fail");
  // A file that cannot even be loaded is an error, not a failed test.
  const lost = exitCode !== 0 && failed === 0 ? 1 : 0;
  count("TypeScript tests", number("pass"), failed + lost, number("skip"));
}

function count(what: string, passed: number, failed: number, skipped: number): void {
  tally.passed += passed;
  tally.failed += failed;
  tally.skipped += skipped;
  console.log(`${what}: ${failed === 0 ? "ok" : "FAILED"} (${passed} passed, ${failed} failed)`);
}

async function capture(
  command: string[],
  show = false,
): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn(command, {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  const decoder = new TextDecoder();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      output += text;
      if (show) process.stdout.write(text);
    }
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  return { exitCode: await child.exited, output };
}

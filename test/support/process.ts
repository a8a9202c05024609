/** Real processes: what belongs to a whole process (signals, exit codes, stderr) is tested on one. */
import { join } from "node:path";
import { projectRoot } from "./native.ts";
import { until, within } from "./wait.ts";

/** Processes take longer than requests; files that start some call `setDefaultTimeout(processTimeout_ms)`. */
const patience_ms = 15_000;
export const processTimeout_ms = 30_000;

export interface SpawnOptions {
  cwd?: string;
  /** Added to the environment; undefined removes a variable. */
  env?: Readonly<Record<string, string | undefined>>;
}

export interface Ended {
  /** Null where a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Child implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #drained: Promise<unknown>;
  stdout = "";
  stderr = "";

  constructor(command: readonly string[], { cwd = projectRoot, env = {} }: SpawnOptions = {}) {
    this.#process = Bun.spawn([...command], {
      cwd,
      env: cleanEnvironment(env),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#drained = Promise.all([
      collect(this.#process.stdout, (text) => (this.stdout += text)),
      collect(this.#process.stderr, (text) => (this.stderr += text)),
    ]);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Waits for `pattern` in what was printed. Fails at once if the process ends without it. */
  async prints(
    pattern: RegExp,
    where: "stdout" | "stderr" = "stdout",
    deadline_ms?: number,
  ): Promise<RegExpExecArray> {
    return await until(
      () => `${pattern} on ${where} of ${this.#describe()}`,
      async () => {
        const found = pattern.exec(this[where]);
        if (found !== null || this.#isRunning) return found;
        await this.#drained;
        const last = pattern.exec(this[where]);
        if (last === null) throw new Error(`ended without ${pattern}: ${this.#describe()}`);
        return last;
      },
      deadline_ms,
    );
  }

  /** The port of the banner. */
  async port(): Promise<number> {
    return Number((await this.prints(/http:\/\/\S+?:(\d+)\//))[1]);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async ended(): Promise<Ended> {
    await within(() => `the end of ${this.#describe()}`, this.#process.exited, patience_ms);
    await this.#drained;
    const { exitCode, signalCode } = this.#process;
    return { code: exitCode, signal: signalCode, stdout: this.stdout, stderr: this.stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isRunning) this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  get #isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  #describe(): string {
    return `process ${this.pid}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
  }
}

/** `robyn …arguments`, as the bin of this checkout. */
export function robyn(args: readonly string[], options?: SpawnOptions): Child {
  return new Child([process.execPath, join(projectRoot, "bin", "robyn.ts"), ...args], options);
}

/** `bun …arguments`. */
export function bun(args: readonly string[], options?: SpawnOptions): Child {
  return new Child([process.execPath, ...args], options);
}

/** The environment of the test runner without what would change an app: NODE_ENV=test and settings of robyn. */
function cleanEnvironment(
  extra: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("ROBYN_") && name !== "NODE_ENV",
  );
  return { ...Object.fromEntries(inherited), NO_COLOR: "1", ...extra };
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  add: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}

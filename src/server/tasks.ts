/**
 * What exactly one worker of a cluster does: `app.once()` and `app.cron()`.
 *
 * Who that is decides an arbiter: in a cluster the primary, which knows exactly who lives; alone, everything is granted.
 * A task is let go when its worker drains, and only after it has ended there; when its process dies, the primary notices.
 */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";

/** What a task runs; the signal aborts when this worker has to let it go. */
export type TaskFunction = (signal: AbortSignal) => unknown;

export interface CronOptions {
  /** IANA name of the time zone of the schedule. Default: that of the system. */
  tz?: string;
}

export interface Arbiter {
  /** Asks for the name; `onGranted` is called once it belongs to this worker, perhaps never. */
  claim(name: string, onGranted: () => void): void;
  release(name: string): void;
}

export const aloneArbiter: Arbiter = {
  claim: (_, onGranted) => onGranted(),
  release: () => {},
};

interface Task {
  readonly name: string;
  /** Begins when the name is granted. @returns how to end it; resolves when nothing of it runs any more */
  begin(logger: Logger): () => Promise<void>;
}

export class Tasks {
  readonly #tasks = new Map<string, Task>();
  readonly #ends = new Map<string, () => Promise<void>>();
  #arbiter: Arbiter | undefined;
  #isEnding = false;

  once(name: string, run: TaskFunction): void {
    if (typeof name !== "string" || name === "")
      throw invalid(`once() was given the name ${JSON.stringify(name)}.`, "Name the task.");
    this.#add({ name: `once ${name}`, begin: (logger) => beginOnce(name, run, logger) });
  }

  cron(expression: string, run: TaskFunction, options: CronOptions): void {
    checkExpression(expression, options);
    // Two jobs may have one schedule; their order is the same in every worker, because the code is.
    const name = `cron ${this.#tasks.size} ${expression}`;
    this.#add({ name, begin: (logger) => beginCron(expression, run, options, logger) });
  }

  /** Claims every task. Called when the server listens. */
  begin(arbiter: Arbiter, logger: Logger): void {
    this.#arbiter = arbiter;
    for (const task of this.#tasks.values()) {
      arbiter.claim(task.name, () => {
        if (!this.#isEnding) this.#ends.set(task.name, task.begin(logger));
      });
    }
  }

  /** Ends what runs here and hands it on. Resolves when all of it has ended. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const letGo = async ([name, end]: [string, () => Promise<void>]) => {
      await end();
      this.#arbiter?.release(name);
    };
    await Promise.all([...this.#ends].map(letGo));
    this.#ends.clear();
  }

  #add(task: Task): void {
    if (this.#arbiter !== undefined) {
      throw new RobynError(
        "ROBYN_SEALED",
        `The task ${JSON.stringify(task.name)} was defined after the app had started.`,
        "Define tasks before start().",
      );
    }
    if (this.#tasks.has(task.name))
      throw invalid(`There are two tasks ${JSON.stringify(task.name)}.`, "Give each its name.");
    this.#tasks.set(task.name, task);
  }
}

function beginOnce(name: string, run: TaskFunction, logger: Logger): () => Promise<void> {
  const controller = new AbortController();
  const ended = attempt(`the task ${JSON.stringify(name)}`, run, controller.signal, logger);
  return () => {
    controller.abort();
    return ended;
  };
}

function beginCron(
  expression: string,
  run: TaskFunction,
  options: CronOptions,
  logger: Logger,
): () => Promise<void> {
  const controller = new AbortController();
  let running = Promise.resolve();
  const what = `the cron job ${JSON.stringify(expression)}`;
  // Bun fires again only after the promise has settled, so one run at a time is all there is.
  const fire = () => (running = attempt(what, run, controller.signal, logger));
  const job = Bun.cron(expression, fire, options);
  job.unref();
  return () => {
    job.stop();
    controller.abort();
    return running;
  };
}

/** A task that fails is logged and keeps its place: on another worker it would fail as well. */
async function attempt(
  what: string,
  run: TaskFunction,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  try {
    await run(signal);
  } catch (error) {
    if (!signal.aborted) logger.error(`${what} failed`, error);
  }
}

function checkExpression(expression: string, options: CronOptions): void {
  let next: Date | null = null;
  let why = "it never comes true";
  try {
    next = Bun.cron.parse(expression, Date.now(), options);
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (next !== null) return;
  throw invalid(
    `cron() was given ${JSON.stringify(expression)}: ${why}.`,
    'It takes minute, hour, day, month and weekday, as in "0 3 * * MON-FRI", or a nickname like "@hourly".',
  );
}

function invalid(message: string, fix: string): RobynError {
  return new RobynError("ROBYN_TASK_INVALID", message, fix);
}

/** Processes that share a segment, as the workers of a cluster do, each with a slot of its own. */
import { OwnedSegment } from "../../src/native/segment.ts";
import { segmentVariable, writeSegmentPlace } from "../../src/native/segment-place.ts";
import { projectRoot } from "./native.ts";
import { until } from "./wait.ts";

/** Where a process finds the descriptor that it inherits. */
const inherited = 3;

export class Crew implements AsyncDisposable {
  readonly segment: OwnedSegment;
  readonly #members = new Set<Member>();

  constructor(options: { cacheBytes?: number } = {}) {
    this.segment = new OwnedSegment(options);
  }

  /** Starts `bun file …arguments` in a slot that nobody has, and waits for the first line that it prints. */
  async start(
    file: string,
    args: readonly string[],
    slot: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Member> {
    this.segment.claimSlot(slot);
    const member = new Member(this.segment, file, args, slot, env);
    this.#members.add(member);
    await until(
      () => `a word of ${file}: ${member.errors}`,
      () => member.output.includes("\n") || member.hasEnded,
      20_000,
    );
    if (member.hasEnded) throw new Error(`${file} ended: ${member.output}${member.errors}`);
    return member;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.kill()));
  }
}

export class Member {
  readonly slot: number;
  output = "";
  errors = "";
  readonly #process: Bun.Subprocess;
  readonly #segment: OwnedSegment;
  readonly #drained: Promise<unknown>;

  constructor(
    segment: OwnedSegment,
    file: string,
    args: readonly string[],
    slot: number,
    env: Readonly<Record<string, string>>,
  ) {
    this.slot = slot;
    this.#segment = segment;
    const child = Bun.spawn([process.execPath, file, ...args], {
      cwd: projectRoot,
      env: { ...process.env, ...env, [segmentVariable]: writeSegmentPlace(inherited, slot) },
      stdio: ["ignore", "pipe", "pipe", segment.descriptor],
    });
    this.#process = child;
    this.#drained = Promise.all([
      collect(child.stdout, (text) => (this.output += text)),
      collect(child.stderr, (text) => (this.errors += text)),
    ]);
  }

  /** The number in the first line. */
  get port(): number {
    return Number(/\d+/.exec(this.output)?.[0]);
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** As a cluster does it: the slot is free once the process has ended. */
  async kill(): Promise<void> {
    if (!this.hasEnded) this.#process.kill("SIGKILL");
    await this.#process.exited;
    await this.#drained;
    this.#segment.releaseSlot(this.slot);
  }
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  add: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}

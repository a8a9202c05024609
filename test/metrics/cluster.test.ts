/** One set of metrics for several processes on one segment, whatever becomes of the processes. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { segmentVariable, writeSegmentPlace } from "../../src/native/segment-place.ts";
import { OwnedSegment } from "../../src/native/segment.ts";
import { readExposition, sumOf } from "../support/exposition.ts";
import { processTimeout_ms } from "../support/process.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms * 2);

const seed = seedOfRun();
const total = "http_server_requests_total";

class Listener implements AsyncDisposable {
  readonly slot: number;
  readonly #segment: OwnedSegment;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  origin = "";

  constructor(segment: OwnedSegment, slot: number, core = "zig") {
    this.#segment = segment;
    this.slot = slot;
    segment.claimSlot(slot);
    this.#process = Bun.spawn({
      cmd: [process.execPath, join(import.meta.dir, "listener.ts")],
      stdio: ["ignore", "pipe", "inherit", segment.descriptor],
      env: { ...process.env, [segmentVariable]: writeSegmentPlace(3, slot), TEST_CORE: core },
    });
  }

  async listens(): Promise<this> {
    let text = "";
    for await (const chunk of this.#process.stdout) {
      text += new TextDecoder().decode(chunk);
      const port = /port (\d+)\./.exec(text)?.[1];
      if (port === undefined) continue;
      this.origin = `http://127.0.0.1:${port}`;
      return this;
    }
    throw new Error(`the listener of slot ${this.slot} ended: ${text}`);
  }

  async get(path: string): Promise<number> {
    const response = await fetch(this.origin + path);
    await response.arrayBuffer();
    return response.status;
  }

  async metrics() {
    const response = await fetch(`${this.origin}/metrics`);
    return readExposition(await response.text(), "prometheus");
  }

  /** As the primary would: the slot is free once its process has exited. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.#segment.releaseSlot(this.slot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
  }
}

async function startAll(segment: OwnedSegment, slots: readonly number[]): Promise<Listener[]> {
  return Promise.all(slots.map((slot) => new Listener(segment, slot).listens()));
}

describe.skipIf(process.platform !== "linux")("listeners of one segment", () => {
  test("whichever is asked, it answers for all: the sum is exact", async () => {
    const segment = new OwnedSegment();
    const listeners = await startAll(segment, [0, 3, 7]);
    await using stack = new AsyncDisposableStack();
    for (const listener of listeners) stack.use(listener);
    const rounds = listeners.flatMap((listener) =>
      Array.from({ length: 10 }, async (_, kind) => {
        for (let n = 0; n < 200; n++) await listener.get(`/work/k${kind}`);
      }),
    );
    await Promise.all(rounds);
    for (const listener of listeners) {
      const families = await listener.metrics();
      expect(sumOf(families, total, { route: "/work/:kind" })).toBe(6_000);
      expect(sumOf(families, "work_total")).toBe(6_000);
      expect(sumOf(families, "work_total", { kind: "k4" })).toBe(600);
      expect(sumOf(families, "work_size_bytes_count")).toBe(6_000);
      expect(sumOf(families, "work_size_bytes_sum")).toBe(12_000);
      expect(sumOf(families, "robyn_listeners")).toBe(3);
    }
  });

  test("the counts of a listener that was killed stay, its gauges go, and its successor goes on", async () => {
    const segment = new OwnedSegment();
    const [stays, dies] = (await startAll(segment, [0, 1])) as [Listener, Listener];
    await using _ = stays;
    await using __ = dies;
    for (let n = 0; n < 30; n++) await dies.get("/work/a");
    await stays.get("/level/5");
    await dies.get("/level/40");
    void fetch(`${dies.origin}/waits`).catch(() => {});
    await until(
      "a request in flight",
      async () => sumOf(await stays.metrics(), "http_server_active_requests") === 1,
    );
    expect(sumOf(await stays.metrics(), "level")).toBe(45);
    expect(sumOf(await stays.metrics(), "oldest_seconds")).toBe(40);
    await dies.kill();
    const without = await stays.metrics();
    expect(sumOf(without, "work_total")).toBe(30);
    expect(sumOf(without, "level")).toBe(5);
    expect(sumOf(without, "oldest_seconds")).toBe(5);
    expect(sumOf(without, "http_server_active_requests")).toBe(0);
    expect(sumOf(without, "robyn_listeners")).toBe(1);
    await using successor = await new Listener(segment, 1).listens();
    for (let n = 0; n < 12; n++) await successor.get("/work/a");
    const families = await successor.metrics();
    expect(sumOf(families, "work_total", { kind: "a" })).toBe(42);
    expect(sumOf(families, total, { route: "/work/:kind", status: "200" })).toBe(42);
    expect(sumOf(families, "level")).toBe(5);
    expect(sumOf(families, "robyn_listeners_started_total")).toBe(3);
  });

  test(`counters never go back while listeners are killed at random, and nothing answered is missing (ROBYN_SEED=${seed})`, async () => {
    const random = createRandom(seed);
    const segment = new OwnedSegment();
    await using witness = await new Listener(segment, 0).listens();
    let answered = 0;
    let asked = 0;
    let last = new Map<string, number>();
    for (let round = 0; round < 8; round++) {
      await using victim = await new Listener(segment, 1 + (round % 2)).listens();
      let isAlive = true;
      const load = Array.from({ length: 8 }, async () => {
        while (isAlive) {
          asked++;
          try {
            answered += (await victim.get(`/work/k${random.below(20)}`)) === 200 ? 1 : 0;
          } catch {
            return;
          }
        }
      });
      const enough = answered + 50 + random.below(400);
      await until("enough answers", () => answered >= enough, 20_000);
      await victim.kill();
      isAlive = false;
      await Promise.all(load);
      const now = new Map<string, number>();
      for (const { type, samples } of await witness.metrics())
        if (type !== "gauge")
          for (const { name, labels, value } of samples)
            now.set(name + JSON.stringify(labels), value);
      for (const [key, value] of last)
        if (!(now.get(key)! >= value)) throw new Error(`${key}: ${now.get(key)} after ${value}`);
      last = now;
    }
    const families = await witness.metrics();
    const counted = sumOf(families, total, { route: "/work/:kind" });
    // Counted when the answer is made: of the requests that were open at a death, some were counted and never arrived.
    expect(counted).toBeGreaterThanOrEqual(answered);
    expect(counted).toBeLessThanOrEqual(asked);
    expect(sumOf(families, "work_total")).toBeGreaterThanOrEqual(counted);
  });

  test("the portable core counts for its own process and says so", async () => {
    const segment = new OwnedSegment();
    await using one = await new Listener(segment, 0, "portable").listens();
    await using other = await new Listener(segment, 1, "portable").listens();
    await one.get("/work/a");
    await other.get("/work/a");
    const families = await one.metrics();
    expect(sumOf(families, "work_total")).toBe(1);
    expect(sumOf(families, "robyn_listeners")).toBe(1);
    expect(sumOf(families, "robyn_build_info", { core: "portable" })).toBe(1);
  });
});

import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bus } from "../../src/cluster/bus.ts";
import { FrameReader, frameHead_bytes, writeFrameHead } from "../../src/cluster/frames.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { until } from "../support/wait.ts";

const directories: string[] = [];
const buses: Bus[] = [];
afterEach(() => {
  for (const bus of buses.splice(0)) bus.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

interface Heard {
  readonly bus: Bus;
  readonly frames: [from: number, kind: number, text: string][];
  readonly left: number[];
}

async function open(directory: string, slot: number): Promise<Heard> {
  const frames: Heard["frames"] = [];
  const left: number[] = [];
  const bus = new Bus({ directory, slot }, console.error);
  for (let kind = 1; kind < 10; kind++) {
    bus.on(kind, (from, payload) => frames.push([from, kind, new TextDecoder().decode(payload)]));
  }
  bus.onLeave((it) => left.push(it));
  await bus.open();
  buses.push(bus);
  return { bus, frames, left };
}

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "robyn-bus-"));
  directories.push(directory);
  return directory;
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe("the bus", () => {
  test("joins all listeners with each other, whoever comes first", async () => {
    const directory = makeDirectory();
    const all = await Promise.all([3, 0, 2, 1].map((slot) => open(directory, slot)));
    await until("all are joined", () => all.every(({ bus }) => [...bus.peers].length === 3));
    for (const [index, { bus }] of all.entries()) bus.broadcast(7, bytes(`from ${index}`));
    await until("the frames", () => all.every(({ frames }) => frames.length === 3));
    for (const [index, { frames }] of all.entries()) {
      const texts = frames.map(([, , text]) => text).toSorted();
      expect(texts).toEqual([0, 1, 2, 3].filter((it) => it !== index).map((it) => `from ${it}`));
    }
  });

  test("hears and is heard by everybody who was there, once it is open", async () => {
    const directory = makeDirectory();
    const first = await open(directory, 0);
    const second = await open(directory, 1);
    second.bus.broadcast(1, bytes("at once"));
    first.bus.broadcast(1, bytes("back"));
    await until("the frames", () => first.frames.length === 1 && second.frames.length === 1);
    expect(first.frames).toEqual([[1, 1, "at once"]]);
    expect(second.frames).toEqual([[0, 1, "back"]]);
  });

  test("keeps the order of a sender, whatever the sizes", async () => {
    const directory = makeDirectory();
    const sender = await open(directory, 0);
    const receiver = await open(directory, 1);
    const texts = Array.from({ length: 2_000 }, (_, index) =>
      `${index}:`.padEnd(index % 97 === 0 ? 300_000 : index % 50, "x"),
    );
    for (const text of texts) sender.bus.send(1, 2, bytes(text));
    await until("the frames", () => receiver.frames.length === texts.length, 20_000);
    expect(receiver.frames.map(([, , text]) => text)).toEqual(texts);
    expect(sender.bus.dropped).toBe(0);
  });

  test("sends to one alone, and says if it is not there", async () => {
    const directory = makeDirectory();
    const [first, second, third] = [
      await open(directory, 0),
      await open(directory, 1),
      await open(directory, 2),
    ];
    expect(first.bus.send(2, 9, bytes("for two"))).toBe(true);
    expect(first.bus.send(5, 9, bytes("nobody"))).toBe(false);
    await until("the frames", () => third.frames.length === 1);
    expect(second.frames).toEqual([]);
  });

  test("tells who left, and meets who comes back on the same slot", async () => {
    const directory = makeDirectory();
    const first = await open(directory, 0);
    const second = await open(directory, 1);
    second.bus.close();
    await until("the frames", () => first.left.length === 1);
    expect([...first.bus.peers]).toEqual([]);
    const again = await open(directory, 1);
    first.bus.broadcast(4, bytes("welcome"));
    await until("the frames", () => again.frames.length === 1);
    expect(readdirSync(directory).toSorted()).toEqual(["0.sock", "1.sock"]);
  });

  test("a peer that does not read costs a bound of memory and is told of, the others get everything", async () => {
    const directory = makeDirectory();
    const sender = await open(directory, 0);
    const stuck = Bun.spawn(
      [process.execPath, join(import.meta.dir, "../support/stuck-listener.ts"), directory, "1"],
      { stdout: "pipe" },
    );
    const { value } = await stuck.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("open\n");
    const reading = await open(directory, 2);
    process.kill(stuck.pid, "SIGSTOP");
    const chunk = new Uint8Array(1_000_000);
    for (let count = 0; count < 80; count++) {
      sender.bus.broadcast(3, chunk);
      await until("the frames", () => reading.frames.length === count + 1);
    }
    expect(sender.bus.dropped).toBeGreaterThan(5);
    stuck.kill("SIGKILL");
    await until("the frames", () => sender.left.includes(1));
  });
});

const seed = seedOfRun();

test(`frames are the same, wherever the stream is cut (ROBYN_SEED=${seed})`, () => {
  const random = createRandom(seed);
  const texts = Array.from({ length: 300 }, () => "x".repeat(random.below(600)));
  const stream = Buffer.concat(
    texts.map((text, index) => {
      const head = Buffer.alloc(frameHead_bytes);
      writeFrameHead(head, 0, 1 + (index % 255), text.length);
      return Buffer.concat([head, bytes(text)]);
    }),
  );
  for (const most of [1, 3, 7, 100, 5_000]) {
    const reader = new FrameReader();
    const read: [number, string][] = [];
    for (let start = 0; start < stream.length;) {
      const end = start + 1 + random.below(most);
      const intact = reader.read(stream.subarray(start, end), (kind, payload) =>
        read.push([kind, new TextDecoder().decode(payload)]),
      );
      expect(intact).toBe(true);
      start = end;
    }
    expect(read).toEqual(texts.map((text, index) => [1 + (index % 255), text]));
  }
});

test("a stream that is none of frames is refused", () => {
  expect(new FrameReader().read(new Uint8Array(8).fill(255), () => {})).toBe(false);
});

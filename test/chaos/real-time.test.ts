/** The short versions of what `bun run chaos` does to sockets, topics and channels. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createRandom, seedOfRun } from "../support/random.ts";
import { busKills } from "./bus-kills.ts";
import { idleSockets } from "./idle-sockets.ts";
import type { Report } from "./report.ts";

setDefaultTimeout(60_000);

const seed = seedOfRun();
const isLinux = process.platform === "linux";

function expectGood({ name, failures, figures }: Report): void {
  console.log(`${name}: ${JSON.stringify(figures)}`);
  expect(failures).toEqual([]);
}

test.skipIf(!isLinux)(
  "1,000 sockets are idle for longer than the server waits without asking: none is dropped, each takes little",
  async () => {
    expectGood(await idleSockets({ sockets: 1_000, seconds: 9, idleTimeout_s: 8 }));
  },
);

test.skipIf(!isLinux)(
  `subscribers on the survivors of kill -9 lose nothing, and know who is there (ROBYN_SEED=${seed})`,
  async () => {
    expectGood(await busKills(3, 300, createRandom(seed)));
  },
);

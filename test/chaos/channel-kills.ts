/**
 * The long version of the kills in test/channel: `bun test/chaos/channel-kills.ts [kills]`, 1,000 of them without the
 * argument. `ROBYN_SEED` replays a run as far as random instants of real processes can be.
 */
import { killAndCount } from "../channel/kill.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

const kills = Number(process.argv[2] ?? 1_000);
const seed = seedOfRun();
console.log(`${kills} kills of producers and consumers, ROBYN_SEED=${seed}`);
const begin = performance.now();
const { accepted, repeated, lives } = await killAndCount(kills, createRandom(seed));
console.log(
  `${accepted} messages accepted in ${lives} lives of producers: 0 lost, 0 out of order, 0 repeated after their ` +
    `acknowledgement, ${repeated} repeated from unacknowledged batches; ${Math.round((performance.now() - begin) / 1_000)} s`,
);

/** One contract, three carriers: who is present, as seen by everybody, within a process, a cluster, and several of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Hub } from "../../src/websocket/hub.ts";
import type { Member } from "../../src/websocket/presence.ts";
import { type HubEnd, inOneProcess, viaBus, viaRedis } from "../support/hub-carriers.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { until } from "../support/wait.ts";

const carriers = [inOneProcess(), viaBus(), viaRedis()];

beforeAll(async () => {
  for (const carrier of carriers) await carrier.open();
});
afterAll(async () => {
  for (const carrier of carriers) await carrier[Symbol.asyncDispose]();
});

/** As nobody promises an order. */
function membersOf(hub: Hub, topic: string): readonly Member[] {
  const { count, members } = hub.presence.of(topic);
  expect(members.length).toBe(count);
  return members.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

for (const carrier of carriers) {
  describe.skipIf(!carrier.isThere)(`presence in ${carrier.name}`, () => {
    const within = (title: string, run: (hubs: readonly Hub[]) => Promise<void>) =>
      test(title, async () => {
        carrier.reset();
        const ends: HubEnd[] = [];
        try {
          for (let n = 0; n < 3; n++) ends.push(await carrier.join());
          await run(ends.map(({ hub }) => hub));
        } finally {
          for (const end of ends) await end.close();
        }
      });

    /** What all of them come to see. */
    const seen = async (hubs: readonly Hub[], topic: string, members: readonly Member[]) => {
      for (const hub of hubs)
        await until(`${members.length} in ${topic}`, () =>
          Bun.deepEquals(membersOf(hub, topic), members, true),
        );
    };

    within("has nobody where nobody came, and who came once, however often", async (hubs) => {
      const [one] = hubs;
      await seen(hubs, "room", []);
      one!.presence.join("room", "a", undefined);
      one!.presence.join("room", "a", undefined);
      await seen(hubs, "room", [{ id: "a", as: undefined }]);
      one!.presence.leave("room", "a");
      one!.presence.leave("room", "a");
      one!.presence.leave("nowhere", "a");
      await seen(hubs, "room", []);
    });

    within("says as whom they came, in JSON, and the latest of it", async (hubs) => {
      const [one, other] = hubs;
      const given = [null, 0, "", "日本\n😀", [1, { a: [] }], { name: "ada", at: new Date(0) }];
      for (const [index, as] of given.entries()) one!.presence.join("room", `${index}`, as);
      const plain: unknown[] = JSON.parse(JSON.stringify(given));
      await seen(
        hubs,
        "room",
        plain.map((as, index) => ({ id: `${index}`, as })),
      );
      for (const index of given.keys()) if (index > 0) one!.presence.leave("room", `${index}`);
      one!.presence.join("room", "0", "later");
      // Nothing was said: it stays as it was.
      one!.presence.join("room", "0", undefined);
      other!.presence.join("room", "1", true);
      await seen(hubs, "room", [
        { id: "0", as: "later" },
        { id: "1", as: true },
      ]);
    });

    within("keeps topics apart, of any name", async (hubs) => {
      const [one, other] = hubs;
      const topics = ["", " ", "a", "A", "a\n", "a\0b", '["a","b"]', "日本", "x".repeat(5_000)];
      for (const [index, topic] of topics.entries()) one!.presence.join(topic, `s${index}`, index);
      other!.presence.join("a", "other", undefined);
      for (const [index, topic] of topics.entries()) {
        const members: Member[] = [{ id: `s${index}`, as: index }];
        if (topic === "a") members.unshift({ id: "other", as: undefined });
        await seen(hubs, topic, members);
      }
      one!.presence.leaveAll("s2");
      await seen(hubs, "a", [{ id: "other", as: undefined }]);
      await seen(hubs, "A", [{ id: "s3", as: 3 }]);
    });

    within("is what is left of whatever happened", async (hubs) => {
      const random = createRandom(seedOfRun());
      const topics = ["one", "two"];
      const model = new Map(topics.map((topic) => [topic, new Map<string, unknown>()]));
      for (let step = 0; step < 300; step++) {
        const index = random.below(hubs.length);
        const { presence } = hubs[index]!;
        const [topic, id] = [topics[random.below(2)]!, `${index}-${random.below(4)}`];
        const chance = random.below(10);
        if (chance === 0) {
          presence.leaveAll(id);
          for (const members of model.values()) members.delete(id);
        } else if (chance < 4) {
          presence.leave(topic, id);
          model.get(topic)!.delete(id);
        } else {
          presence.join(topic, id, step);
          model.get(topic)!.set(id, step);
        }
        // Now and then others have time to hear of it.
        if (random.below(30) === 0) await Bun.sleep(1);
      }
      for (const [topic, members] of model) {
        const left = [...members].map(([id, as]): Member => ({ id, as }));
        left.sort((one, other) => (one.id < other.id ? -1 : 1));
        await seen(hubs, topic, left);
      }
    });
  });
}

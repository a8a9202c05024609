/** One contract, two carriers: what joins the hubs of a cluster (sockets between processes), and of clusters (Redis). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Hub } from "../../src/websocket/hub.ts";
import { type HubEnd, viaBus, viaRedis } from "../support/hub-carriers.ts";
import { until } from "../support/wait.ts";

const carriers = [viaBus(), viaRedis()];

beforeAll(async () => {
  for (const carrier of carriers) await carrier.open();
});
afterAll(async () => {
  for (const carrier of carriers) await carrier[Symbol.asyncDispose]();
});

for (const carrier of carriers) {
  describe.skipIf(!carrier.isThere)(`hubs joined by ${carrier.name}`, () => {
    const ends: HubEnd[] = [];
    const join = async () => {
      const end = await carrier.join();
      ends.push(end);
      return end.hub;
    };
    const within = (title: string, run: () => Promise<void>) =>
      test(title, async () => {
        carrier.reset();
        try {
          await run();
        } finally {
          for (const end of ends.splice(0)) await end.close();
        }
      });

    within("hear what others publish, in order, under the same ids", async () => {
      const [one, other] = [await join(), await join()];
      const [near, far] = [follow(one, "news"), follow(other, "news")];
      await until("both to know of each other", () => {
        one.presence.join("all", "one-1", undefined);
        return other.presence.of("all").count === 1;
      });
      const texts = Array.from({ length: 500 }, (_, n) => `${n} š\n😀`);
      for (const text of texts) one.publish("news", text);
      await until("all messages", () => near.length === 500 && far.length === 500);
      expect(far.map(({ data }) => data)).toEqual(texts);
      expect(far).toEqual(near);
    });

    within("see who was there, who comes as whom, and who leaves", async () => {
      const one = await join();
      one.presence.join("room", "one-1", { name: "ada" });
      const other = await join();
      const members = () => other.presence.of("room").members;
      await until("who was there", () => members().length === 1);
      expect(members()).toEqual([{ id: "one-1", as: { name: "ada" } }]);
      one.presence.join("room", "one-2", undefined);
      one.presence.join("room", "one-1", "somebody else");
      one.presence.leave("room", "one-2");
      one.presence.join("room", "one-3", [1]);
      await until("the last change", () => members().some(({ id }) => id === "one-3"));
      expect(members()).toEqual([
        { id: "one-1", as: "somebody else" },
        { id: "one-3", as: [1] },
      ]);
      expect(one.presence.of("room").count).toBe(2);
      one.presence.leaveAll("one-1");
      await until("who left", () => members().length === 1);
    });

    within("forget a hub that ends, and reach nobody there", async () => {
      const [one, other] = [await join(), await join()];
      other.presence.join("room", `${other.name}-0`, undefined);
      await until("the other", () => one.presence.of("room").count === 1);
      expect(one.send(`${other.name}-0`, "hello")).toBe(true);
      expect(one.send("000000000000-0", "hello")).toBe(false);
      await ends.pop()!.close();
      await until("the end of the other", () => one.presence.of("room").count === 0);
      await until("nobody to send to", () => !one.send(`${other.name}-0`, "hello"));
    });

    within("keep the topics that others follow, of those before and after", async () => {
      const one = await join();
      const before = follow(one, "before");
      const other = await join();
      const after = follow(one, "after");
      const followed = () => new Set(other.followed);
      await until("both topics", () => followed().has("before") && followed().has("after"));
      expect([...before, ...after]).toEqual([]);
    });
  });
}

/** Events as they come, until the test ends. */
function follow(hub: Hub, topic: string): { readonly id: string; readonly data: string }[] {
  const heard: { id: string; data: string }[] = [];
  const events = hub.follow(topic, undefined, new AbortController().signal);
  void (async () => {
    for await (const event of events)
      if (typeof event === "object") heard.push({ id: event.id, data: event.data });
  })();
  return heard;
}

/** The processes of one cluster, each with a connection of its own: what one of them ends, no other brings back. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { askSite, stored } from "../support/answers.ts";
import { Crew, type Member } from "../support/crew.ts";
import { processTimeout_ms } from "../support/process.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startSite } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

const file = join(import.meta.dir, "..", "support", "joined-worker.ts");
const hasSegment = process.platform === "linux";

async function ask(member: Member, path: string, method = "GET") {
  const response = await fetch(`http://127.0.0.1:${member.port}${path}`, {
    method,
    headers: { host: "app.example" },
  });
  const origin = response.headers.get("cache-status");
  return { text: await response.text(), origin };
}

let runs = 0;
const startFar = (url: string) =>
  startSite(url, { version: "1" }, (app) =>
    app.get("/made/:id", { cache: { ttl: 600, tags: ["made"] } }, () => `far ${++runs}`),
  );

describe.skipIf(!hasRedis || !hasSegment)("what one process has invalidated", () => {
  test("is not brought back by another before Redis knows of it", async () => {
    await using server = await RedisServer.start();
    await using far = await startFar(server.url);
    await using crew = new Crew();
    const env = { REDIS_URL: server.url, CREW_CLUSTER: crypto.randomUUID() };
    const reader = await crew.start(file, [], 0, { ...env, CREW_NAME: "reader" });
    // Nobody listens there: this one has never told anybody anything.
    const alone = { ...env, REDIS_URL: "redis://127.0.0.1:1", CREW_NAME: "alone" };
    const writer = await crew.start(file, [], 1, alone);
    await until("the connection", async () => (await ask(reader, "/connected")).text === "true");

    const before = await askSite(far, "/made/1");
    await stored(server, 1);
    expect(await ask(reader, "/made/1")).toMatchObject({ text: before.text });
    await ask(writer, "/invalidate/made", "POST");
    const after = await ask(reader, "/made/1");
    expect(after.text).toStartWith("reader");
    expect(after.origin).toStartWith("robyn; fwd=miss; stored");
    expect((await ask(reader, "/owes")).text).toBe("true");
    // Whoever dies before he could tell leaves it to the others, which end everything.
    expect((await askSite(far, "/made/1")).text).toBe(before.text);
    await writer.kill();
    await until("the news", async () => (await askSite(far, "/made/1")).text !== before.text);
    await until("nothing owed", async () => (await ask(reader, "/owes")).text === "false");
    await until("it to be in Redis, and found", async () => {
      const id = crypto.randomUUID();
      const { text } = await askSite(far, `/made/${id}`);
      return (await ask(reader, `/made/${id}`)).text === text;
    });
  });

  test("is told by whoever comes in the place of one that died before it could", async () => {
    await using server = await RedisServer.start();
    await using far = await startFar(server.url);
    await using crew = new Crew();
    const env = { CREW_CLUSTER: crypto.randomUUID(), CREW_NAME: "one" };
    const nowhere = { ...env, REDIS_URL: "redis://127.0.0.1:1" };
    const first = await crew.start(file, [], 0, nowhere);
    await ask(first, "/invalidate/made", "POST");
    const before = await askSite(far, "/made/1");
    await first.kill();
    const second = await crew.start(file, [], 0, { ...env, REDIS_URL: server.url });
    await until("the news", async () => (await askSite(far, "/made/1")).text !== before.text);
    await until("nothing owed", async () => (await ask(second, "/owes")).text === "false");
  });

  test("while both are busy is never seen by either again", async () => {
    await using server = await RedisServer.start();
    await using far = await startFar(server.url);
    await using crew = new Crew();
    const env = { REDIS_URL: server.url, CREW_CLUSTER: crypto.randomUUID() };
    const members = [
      await crew.start(file, [], 0, { ...env, CREW_NAME: "one" }),
      await crew.start(file, [], 1, { ...env, CREW_NAME: "two" }),
    ] as const;
    for (const member of members)
      await until("the connection", async () => (await ask(member, "/connected")).text === "true");
    const [one, two] = members;
    let found = 0;
    for (let round = 0; round < 100; round++) {
      const before = await askSite(far, `/made/${round}`);
      if ((await ask(two, `/made/${round}`)).text === before.text) found++;
      await ask(one, "/invalidate/made", "POST");
      const answers = await Promise.all(members.map((member) => ask(member, `/made/${round}`)));
      for (const { text } of answers) expect(text).not.toBe(before.text);
    }
    expect(found).toBeGreaterThan(10);
  });
});

/** Kept answers of several processes on one segment. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Crew, type Member } from "../support/crew.ts";
import { killWriters } from "../support/kill-cache.ts";
import { processTimeout_ms } from "../support/process.ts";
import { seedOfRun } from "../support/random.ts";
import { within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

const file = join(import.meta.dir, "..", "support", "cache-app.ts");
const hasSegment = process.platform === "linux";

/** The workers of a cluster have one port, and so one host, which is of the key. */
async function ask(member: Member, path: string, init: RequestInit = {}) {
  const headers = new Headers(init.headers);
  headers.set("host", "app.example");
  const response = await fetch(`http://127.0.0.1:${member.port}${path}`, { ...init, headers });
  return {
    text: await response.text(),
    origin: response.headers.get("cache-status"),
    headers: response.headers,
  };
}

async function two(
  crew: Crew,
  env: Readonly<Record<string, string>> = {},
): Promise<[Member, Member]> {
  const start = (slot: number) =>
    crew.start(file, [], slot, { ...env, CREW_NAME: `worker ${slot}` });
  return [await start(0), await start(1)];
}

describe.skipIf(!hasSegment)("two processes", () => {
  test("answer with what one of them made, and concurrent misses make it once", async () => {
    await using crew = new Crew();
    const members = await two(crew);
    for (let id = 0; id < 10; id++) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => ask(members[index % 2]!, `/made/${id}`)),
      );
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      const again = await Promise.all(members.map((member) => ask(member, `/made/${id}`)));
      for (const { text, origin } of again)
        expect([text, origin]).toEqual([answers[0]!.text, "robyn; hit; ttl=60"]);
    }
    const [one, other] = await Promise.all(members.map((member) => ask(member, "/stats")));
    // Counted for the cluster, whoever is asked.
    expect(JSON.parse(one!.text)).toEqual(JSON.parse(other!.text));
    expect(JSON.parse(one!.text)).toMatchObject({ stored: 10, misses: 100, waited: 90, hits: 20 });
  });

  test("an invalidation in one is seen by the other before it has returned", async () => {
    await using crew = new Crew();
    const [writer, reader] = await two(crew);
    for (let round = 0; round < 20; round++) {
      const before = await ask(reader, "/made/1");
      for (let warm = 0; warm < 2; warm++)
        expect((await ask(reader, "/made/1")).text).toBe(before.text);
      await ask(writer, "/invalidate/made", { method: "POST" });
      expect((await ask(reader, "/made/1")).text).not.toBe(before.text);
    }
  });

  test("a computation whose process is killed is taken over", async () => {
    await using crew = new Crew();
    const [first, second] = await two(crew);
    const lost = ask(first, "/made/9").catch(() => undefined);
    await Bun.sleep(5);
    await first.kill();
    await lost;
    const answer = await within("the other process", ask(second, "/made/9"), 5_000);
    expect(JSON.parse(answer.text)).toMatchObject({ id: "9" });
    const started = performance.now();
    const stuck = ask(second, "/never/1").catch(() => undefined);
    const third = await crew.start(file, [], 0, { CREW_NAME: "third" });
    const waiting = ask(third, "/never/1").catch(() => undefined);
    await second.kill();
    await stuck;
    expect(JSON.parse((await ask(third, "/made/9")).text)).toEqual(JSON.parse(answer.text));
    expect(performance.now() - started).toBeLessThan(20_000);
    await third.kill();
    await waiting;
  });

  test("compute const answers once, for each deploy", async () => {
    await using crew = new Crew();
    const [one, other] = await two(crew);
    const made = await ask(one, "/const");
    const [next] = [await crew.start(file, [], 2, { CREW_NAME: "next", ROBYN_GENERATION: "1" })];
    for (const coding of ["identity", "gzip", "br", "zstd"]) {
      const init = { headers: { "accept-encoding": coding } };
      const [a, b] = [await ask(one, "/const", init), await ask(other, "/const", init)];
      expect(b.text).toBe(made.text);
      expect(b.headers.get("etag")).toBe(a.headers.get("etag"));
      expect(b.headers.get("content-encoding")).toBe(coding === "identity" ? null : coding);
    }
    expect(JSON.parse((await ask(next, "/const")).text)).toMatchObject({ by: "next" });
  });

  test("that are killed while they write leave nothing torn and nothing held", async () => {
    const seed = seedOfRun();
    const { found } = await killWriters(51, seed);
    expect(found).toBeGreaterThan(100);
  });
});

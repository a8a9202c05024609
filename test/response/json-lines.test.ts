/** JSON lines: one JSON text per line, as fast as the client takes them. */
import { describe, expect, test } from "bun:test";
import { jsonLines, status } from "robyn";
import { RawClient, request } from "../support/raw.ts";
import { startVictim } from "../support/victim.ts";
import { until } from "../support/wait.ts";

let made = 0;
let finished = 0;

function* rows(count: number) {
  try {
    for (let row = 0; row < count; row++) {
      made++;
      yield { row, text: "x".repeat(100) };
    }
  } finally {
    finished++;
  }
}

const victim = startVictim((app) => {
  app.get("/async", () =>
    jsonLines(async function* () {
      yield { a: 1 };
      yield "line\nbreak\r\n\u2028";
      yield null;
      yield [1, "ä"];
    }),
  );
  app.get("/array", () => jsonLines([1, { a: "b" }, "c"]));
  app.get("/empty", () => jsonLines([]));
  app.get("/many", () => jsonLines(rows(5_000)));
  app.get("/endless", () => jsonLines(() => rows(Infinity)));
  app.get("/older-type", () => jsonLines([1], { type: "application/x-ndjson" }));
  app.get("/created", () => status(201, jsonLines([1])));
  app.get("/undefined", () =>
    jsonLines(async function* () {
      yield 1;
      // So that the line is out before the connection breaks off.
      await Bun.sleep(20);
      yield undefined;
    }),
  );
  app.get("/fails", () =>
    jsonLines(function* () {
      yield 1;
      throw new Error("canary row");
    }),
  );
});

describe("jsonLines()", () => {
  test("sends one JSON text per line, whatever is in the values", async () => {
    const { text, headers } = await victim.get("/async");
    expect(headers["content-type"]).toBe("application/jsonl");
    const lines = text.split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { a: 1 },
      "line\nbreak\r\n\u2028",
      null,
      [1, "ä"],
    ]);
  });

  test("takes what can be iterated, nothing included, and a status", async () => {
    expect((await victim.get("/array")).text).toBe('1\n{"a":"b"}\n"c"\n');
    expect((await victim.get("/empty")).text).toBe("");
    expect((await victim.get("/created")).status).toBe(201);
    expect((await victim.get("/older-type")).headers["content-type"]).toBe("application/x-ndjson");
  });

  test("loses nothing where lines are joined to chunks", async () => {
    const { text } = await victim.get("/many");
    const numbers = text
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { row: number }).row);
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, row) => row));
  });

  test("sends a line when it is there, not with the next one", async () => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/undefined"));
    await client.sees(/1\n/);
    await client.closes();
  });

  test.each([
    ["/undefined", "no JSON form"],
    ["/fails", "canary row"],
  ])("%s breaks the connection off and tells the log", async (path, message) => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", path));
    await client.closes();
    expect(client.received).not.toEndWith("0\r\n\r\n");
    expect(client.received).not.toContain("canary");
    expect(victim.log.errors()).toContain(message);
  });

  test("asks for no more rows than the client takes, and ends the source when it leaves", async () => {
    made = 0;
    finished = 0;
    using client = await RawClient.connect(victim.port, { paused: true });
    client.send(request("GET", "/endless"));
    const rowsMade = await until("the source to pause", async () => {
      const before = made;
      await Bun.sleep(200);
      return before > 0 && made === before ? made : undefined;
    });
    expect(rowsMade * 120).toBeLessThan(32 * 1_024 * 1_024);
    client.vanish();
    await until("`finally` to run", () => finished === 1);
  });
});

/** What redis() takes and refuses; nothing of it needs a Redis. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Robyn } from "robyn";
import { redis, type RedisOptions } from "robyn/redis";
import { projectRoot } from "../support/native.ts";

describe("redis()", () => {
  test.each<[options: object, sentence: RegExp]>([
    [{ channels: "no" }, /channels "no"/],
    [{ cache: 1 }, /cache 1\./],
    [{ version: "" }, /version ""/],
    [{ version: 7 }, /version 7\./],
    [{ cacheSize: 1_000 }, /cacheSize 1000\..*1048576/],
    [{ colour: 1 }, /unknown option "colour".*prefix, heartbeat/],
    [{ heartbeat: 1 }, /heartbeat 1\..*50 to 60000/],
    [{ timeout: 0.5 }, /timeout 0\.5/],
    [{ buffer: 1 }, /buffer 1/],
    [{ prefix: "a b" }, /prefix "a b"/],
    [{ prefix: "" }, /prefix ""/],
    [{ rateLimits: "yes" }, /rateLimits "yes"/],
  ])("refuses %j", (options, sentence) => {
    expect(() => redis("redis://localhost", options as RedisOptions)).toThrow(sentence);
  });

  test("refuses what is no URL of a Redis, and does not repeat its password", () => {
    for (const url of ["", "localhost:6379", "http://user:secret@localhost"]) {
      const attempt = () => redis(url);
      expect(attempt).toThrow(/ROBYN_OPTION_INVALID/);
      expect(attempt).not.toThrow(/secret/);
    }
    for (const url of ["redis://localhost", "rediss://user:secret@localhost:1/2", "valkey://h"])
      expect(redis(url).name).toBe("redis");
  });

  test("connects to nothing before the application starts", async () => {
    let connections = 0;
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: () => void connections++, data() {} },
    });
    const app = new Robyn({ adapter: redis(`redis://127.0.0.1:${listener.port}`) });
    app.get("/", () => "ok");
    expect(await (await app.request("/")).text()).toBe("ok");
    listener.stop(true);
    expect(connections).toBe(0);
  });

  test("is loaded by nobody who does not import it", () => {
    const importers = readdirSync(join(projectRoot, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.startsWith("redis"))
      .filter((name) =>
        /["(]\.{1,2}\/redis\//.test(readFileSync(join(projectRoot, "src", name), "utf8")),
      );
    expect(importers).toEqual([join("cli", "load-app.ts")]);
  });

  test("new Robyn() refuses what is no adapter", () => {
    const adapter = { name: "none" } as unknown as ReturnType<typeof redis>;
    expect(() => new Robyn({ adapter })).toThrow(/adapter\.open/);
  });
});

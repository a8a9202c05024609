/** What probes see. */
import { describe, expect, test } from "bun:test";
import { type HealthOptions, Robyn } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

async function ask(app: Robyn, path: string) {
  const response = await app.request(path);
  const { status, headers } = response;
  return {
    ...{ status, type: headers.get("content-type"), cache: headers.get("cache-control") },
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe("health()", () => {
  test("answers /livez and /readyz, and nobody keeps the answers", async () => {
    const app = quietApp().health();
    for (const path of ["/livez", "/readyz"]) {
      expect(await ask(app, path)).toEqual({
        ...{ status: 200, cache: "no-store" },
        type: expect.stringContaining("application/json"),
        body: { status: "ok", checks: {} },
      });
    }
  });

  test("with a path answers there alone, as /readyz does", async () => {
    const app = quietApp().health({ path: "/health", checks: { database: () => false } });
    expect((await ask(app, "/health")).status).toBe(503);
    expect((await app.request("/livez")).status).toBe(404);
  });

  test("names the check that fails, never what it threw", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger, development: true }).health({
      checks: {
        cache: () => "fine",
        database: () => Promise.reject(new Error("password of admin is secret")),
        queue: () => {
          throw new Error("also secret");
        },
      },
    });
    const { status, type, body } = await ask(app, "/readyz");
    expect({ status, type }).toEqual({ status: 503, type: "application/problem+json" });
    expect(body).toEqual({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "a check failed",
      checks: { cache: "ok", database: "failed", queue: "failed" },
    });
    expect(JSON.stringify(logger.records.map(({ details }) => Bun.inspect(details)))).toContain(
      "password of admin is secret",
    );
    expect((await ask(app, "/livez")).status).toBe(200);
  });

  test("gives a check its time, aborts its signal, and starts no second one beside it", async () => {
    let started = 0;
    let aborted = 0;
    const app = quietApp().health({
      timeout: 0.02,
      checks: {
        slow: (signal) => {
          started++;
          signal.addEventListener("abort", () => aborted++);
          return new Promise(() => {});
        },
      },
    });
    const answers = await Promise.all([ask(app, "/readyz"), ask(app, "/readyz")]);
    for (const { status, body } of answers)
      expect({ status, checks: body.checks }).toEqual({ status: 503, checks: { slow: "timeout" } });
    await ask(app, "/readyz");
    expect({ started, aborted }).toEqual({ started: 1, aborted: 1 });
  });

  test("logs a change, not every probe", async () => {
    const logger = recordingLogger();
    let works = true;
    const app = quietApp({ logger }).health({ checks: { database: () => works } });
    for (const next of [true, false, false, false, true, true]) {
      works = next;
      await ask(app, "/readyz");
    }
    expect(logger.records.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "warn the health check database: failed",
      "info the health check database passes again",
    ]);
  });

  test("is 503 before the server listens", async () => {
    let early: number | undefined;
    const app: Robyn = quietApp()
      .health()
      .startupHandler(async () => {
        early = (await app.request("/readyz")).status;
      });
    await using server = await serveApp(app);
    expect(early).toBe(503);
    expect((await fetch(server.url("/readyz"))).status).toBe(200);
  });

  test("is 503 while the server drains, and alive", async () => {
    const gate = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<void>();
    const app = quietApp()
      .health()
      .get("/slow", () => {
        begun.resolve();
        return gate.promise;
      });
    const { running, port } = await serveApp(app);
    using slow = await RawClient.connect(port);
    slow.send(request("GET", "/slow"));
    await begun.promise;
    const stopped = running.stop();
    const { status, body } = await ask(app, "/readyz");
    expect({ status, detail: body.detail }).toEqual({
      status: 503,
      detail: "the server is draining",
    });
    expect((await ask(app, "/livez")).status).toBe(200);
    gate.resolve("finished");
    expect((await slow.next()).text).toBe("finished");
    await stopped;
  });

  const refused: [string, HealthOptions][] = [
    ['the unknown option "pth"', { pth: "/x" } as HealthOptions],
    ["path beside live or ready", { path: "/x", live: "/y" }],
    ["the timeout 0", { timeout: 0 }],
    ["the timeout 61", { timeout: 61 }],
    ['the check "a"', { checks: { a: "SELECT 1" as unknown as () => void } }],
  ];
  test.each(refused)("refuses %s", (what, options) => {
    expect(() => quietApp().health(options)).toThrow(what);
  });
});

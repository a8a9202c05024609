/**
 * A guard (a before hook with a pattern) and the router must mean the same path by every spelling. Where they differ,
 * the guard is walked around: the class of bug that most frameworks have shipped.
 */
import { describe, expect, test } from "bun:test";
import { html, type Robyn, SubRouter } from "robyn";
import { openDoors } from "../support/doors.ts";
import { createRandom, type Random, seedOfRun } from "../support/random.ts";
import { quietApp } from "../support/serve.ts";

/** The guard lets through only what carries the header, so whatever says "secret" without it walked around it. */
const secret = "secret";

const spellings = [
  "/admin/secret",
  "/admin/secret/",
  "/admin/secret?x=1",
  "/admin/secret#x",
  "/%61dmin/secret",
  "/admin/%73ecret",
  "/%61%64%6D%69%6e/secret",
  "/./admin/secret",
  "/admin/./secret",
  "/x/../admin/secret",
  "/x/%2e%2e/admin/secret",
  "/admin/x/..//secret",
  "//admin/secret",
  "/admin//secret",
  "/admin\\secret",
  "/admin%5Csecret",
  "/admin%2Fsecret",
  "/admin%2fsecret",
  "/admin/secret%2F",
  "/admin;a=b/secret",
  "/admin/secret;a=b",
  "/admin/secret%20",
  "/admin/secret%00",
  "/admin/secret%0a",
  "/ADMIN/secret",
  "/admin/SECRET",
  "/admin%/secret",
  "/ādmin/secret",
  "/%C0%A1dmin/secret",
  "/%2561dmin/secret",
  "http://other.example/admin/secret",
];

const layouts: [what: string, define: (app: Robyn) => unknown][] = [
  ["a static route", (app) => app.get("/admin/secret", () => secret)],
  ["a const route", (app) => app.get("/admin/secret", { const: true }, () => html(secret))],
  ["a parameter route", (app) => app.get("/admin/:page", () => secret)],
  ["two parameters", (app) => app.get("/:area/:page", ({ path }) => within(path))],
  ["a rest route", (app) => app.get("/*rest", ({ path }) => within(path))],
];

/** For routes wider than the guard: only below `/admin/` is there a secret. */
function within(path: string): string {
  return path.startsWith("/admin/") ? secret : "public";
}

function withGuard(define: (app: Robyn) => unknown): (app: Robyn) => void {
  return (app) => {
    app.beforeRequest("/admin/*", ({ headers, status }) =>
      headers.get("x-key") === "open" ? undefined : status(403, "guarded"),
    );
    define(app);
  };
}

describe("no spelling reaches the handler without the guard", () => {
  test.each(layouts)("%s", async (_, define) => {
    await using doors = await openDoors(withGuard(define));
    let guarded = 0;
    for (const target of spellings) {
      const answer = await doors.ask(target);
      expect({ target, text: answer.text }).not.toEqual({ target, text: secret });
      if (answer.text === "guarded") guarded++;
      const opened = await doors.ask({ target, headers: { "x-key": "open" } });
      // Whoever may pass gets the same as if there were no guard: it must not hide what it does not cover.
      if (answer.text !== "guarded") expect(opened.text).toBe(answer.text);
    }
    // Without this a guard that refuses everything, or a router that knows nothing, would pass.
    expect(guarded).toBeGreaterThanOrEqual(10);
    expect((await doors.ask({ target: spellings[0]!, headers: { "x-key": "open" } })).text).toBe(
      secret,
    );
  });

  test("a SubRouter guards its prefix by every spelling of it", async () => {
    await using doors = await openDoors((app) => {
      const admin = new SubRouter("/admin");
      admin.beforeRequest(({ status }) => status(403, "guarded"));
      admin.get("/secret", () => secret);
      app.includeRouter(admin);
    });
    for (const target of spellings) expect((await doors.ask(target)).text).not.toBe(secret);
    expect((await doors.ask("/%61dmin/secret/")).text).toBe("guarded");
  });
});

test("random spellings of a guarded path never reach the handler alone", async () => {
  const seed = seedOfRun();
  const random = createRandom(seed);
  let guards = 0;
  let reached = 0;
  const app = quietApp();
  app.beforeRequest("/admin/*", () => void guards++);
  app.get("/admin/secret", () => void reached++);
  app.get("/admin/:page", () => void reached++);
  app.get("/:area/secret", ({ path }) => void (path.startsWith("/admin/") && reached++));
  app.get("/*rest", ({ path }) => void (path.startsWith("/admin/") && reached++));
  for (let round = 0; round < 3_000; round++) {
    const target = respell("/admin/secret", random);
    const before = { guards, reached };
    await app.request(target);
    const isReached = reached > before.reached;
    if (isReached && guards === before.guards)
      throw new Error(`ROBYN_SEED=${seed}, round ${round}: ${target} walked around the guard`);
  }
  expect(reached).toBeGreaterThan(100);
});

/** Replaces some characters by other spellings of themselves, and adds noise that a URL parser may remove. */
function respell(path: string, { chance, pick }: Random): string {
  const noise = ["/.", "/x/..", "/%2e", "/x/%2E%2e", "/", ";a", "%20", "%00", "%2f"];
  // The first slash stays: without it the target would be no path but a part of the host.
  let result = "/";
  if (chance(30)) result += pick(noise.map((it) => `${it.replace(/^\//, "")}/`));
  for (const character of path.slice(1)) {
    const code = character.charCodeAt(0).toString(16);
    if (character === "/") {
      result += (chance(5) ? pick(noise) : "") + (chance(85) ? "/" : pick(["/", "\\", "//"]));
    } else {
      result += chance(85)
        ? character
        : pick([`%${code}`, `%${code.toUpperCase()}`, character.toUpperCase(), `%25${code}`]);
    }
  }
  return result + (chance(20) ? pick(["/", "?x", "#x", "/.", "/..", "%20", "//"]) : "");
}

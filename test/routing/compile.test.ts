/** What is decided once, at start, about all definitions together. */
import { describe, expect, test } from "bun:test";
import { Robyn, SubRouter } from "../../src/index.ts";
import { limits } from "../../src/limits.ts";
import { cores } from "../support/cores.ts";
import { silentLogger } from "../support/log.ts";
import { errorOf } from "./refusals.ts";

const here = "test/routing/compile.test.ts";
const answer = () => "answer";

for (const { name: core } of cores) {
  describe(`definitions that exclude each other, on the ${core} core,`, () => {
    test("are named both, with file and line of each", async () => {
      const app = newApp();
      app.get("/users/:id", answer);
      app.get("/users/:name", answer);
      const error = await errorOf(app.compile());
      expect(error.code).toBe("ROBYN_ROUTE_CONFLICT");
      expect(error.message).toMatch(
        new RegExp(
          `GET /users/:name \\(${here}:\\d+\\) conflicts with GET /users/:id \\(${here}:\\d+\\)`,
        ),
      );
      const [later, earlier] = [...error.message.matchAll(/test\.ts:(\d+)/g)].map((it) =>
        Number(it[1]),
      );
      expect(later).toBe(earlier! + 1);
    });

    test.each([
      ["/a", "/a"],
      ["/a", "/a/"],
      ["/a", "/%61"],
      ["/é", "/%c3%a9"],
      ["/a b", "/a%20b"],
      ["/:x", "/:y"],
      ["/*", "/*rest"],
      ["/a/:x/*", "/a/:y/*z"],
    ])("%s and %s are one shape", async (first, second) => {
      const error = await errorOf(newApp().get(first, answer).get(second, answer).compile());
      expect(error.code).toBe("ROBYN_ROUTE_CONFLICT");
      expect(error.message).toContain(`GET ${first} `);
      expect(error.message).toContain(`GET ${second} `);
    });

    test("are none for other methods, other shapes, or slashes in a strict app", async () => {
      const app = new Robyn({ core, strict: true, logger: silentLogger });
      app.get("/a", answer).get("/a/", answer).post("/a", answer).head("/a", answer);
      app.get("/:x", answer).get("/*", answer).get("/a%2Fb", answer).get("/A", answer);
      expect((await app.compile()).endpoints).toHaveLength(8);
    });

    test("are found across routers", async () => {
      const app = newApp().get("/admin/stats", answer);
      app.includeRouter(new SubRouter("/admin").get("/stats", answer));
      const { message } = await errorOf(app.compile());
      expect(message).toContain("GET /admin/stats");
      expect(message).toContain(here);
    });
  });

  test(`a pattern that is none is refused with its route, its place and a fix, on the ${core} core`, async () => {
    for (const path of [
      "users",
      "",
      "/:id?",
      "/{id}",
      "/*/a",
      "/a/../b",
      "/%zz",
      "/a?b",
      "/:a/:a",
      "/\ud800",
    ]) {
      const error = await errorOf(newApp().get(path, answer).compile());
      expect([path, error.code]).toEqual([path, "ROBYN_PATTERN_INVALID"]);
      expect(error.message).toContain(here);
      expect(error.fix).not.toBeEmpty();
    }
    const long = `/${"a".repeat(limits.pattern_bytes_max)}`;
    expect((await errorOf(newApp().get(long, answer).compile())).code).toBe(
      "ROBYN_PATTERN_INVALID",
    );
    const many = "/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/:p/:q";
    expect((await errorOf(newApp().get(many, answer).compile())).code).toBe(
      "ROBYN_TOO_MANY_PARAMETERS",
    );
    expect(
      (
        await errorOf(
          newApp()
            .beforeRequest("/{id}", () => {})
            .compile(),
        )
      ).code,
    ).toBe("ROBYN_PATTERN_INVALID");
  });

  test(`the order of definition does not matter, on the ${core} core`, async () => {
    const routes = ["/a/b", "/a/:x", "/:x/b", "/a/*", "/:x/*", "/*", "/"];
    const urls = ["/", "/a", "/a/b", "/a/c", "/c/b", "/c/d", "/a/b/c", "/c/d/e"];
    const answers = async (order: readonly string[]) => {
      const app = newApp();
      for (const path of order) app.get(path, () => path);
      return Promise.all(urls.map(async (url) => (await app.request(url)).text()));
    };
    const first = await answers(routes);
    expect(first).toEqual(["/", "/a/*", "/a/b", "/a/:x", "/:x/b", "/:x/*", "/a/*", "/:x/*"]);
    expect(await answers(routes.toReversed())).toEqual(first);
    expect(await answers([...routes.slice(3), ...routes.slice(0, 3)])).toEqual(first);
  });

  test(`10,000 routes compile in bounded and linear time, on the ${core} core`, async () => {
    const timeOf = async (count: number) => {
      const app = newApp();
      for (let index = 0; index < count; index++)
        app.get(`/area${index % 100}/thing${index}/:id/part/:part`, answer);
      const start = performance.now();
      await app.compile();
      return performance.now() - start;
    };
    await timeOf(1_000);
    let [least, ratio] = [Infinity, Infinity];
    // On a busy machine the best of three is what the code costs.
    for (let attempt = 0; attempt < 3; attempt++) {
      const half = await timeOf(5_000);
      const whole = await timeOf(10_000);
      least = Math.min(least, whole);
      ratio = Math.min(ratio, whole / half);
    }
    console.log(
      `10,000 routes on the ${core} core: ${least.toFixed(0)} ms, ${ratio.toFixed(2)} × 5,000`,
    );
    expect(least).toBeLessThan(1_000);
    expect(ratio).toBeLessThan(4);
  });

  function newApp(): Robyn {
    return new Robyn({ core, logger: silentLogger });
  }
}

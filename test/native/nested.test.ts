/** `find` leaves its result in memory that the next find reuses: whoever reads late reads the answer of another. */
import { describe, expect, test } from "bun:test";
import { Robyn } from "../../src/index.ts";
import { cores } from "../support/cores.ts";
import { silentLogger } from "../support/log.ts";

for (const core of cores) {
  describe(`a request inside a handler, on the ${core.name} core,`, () => {
    const app = new Robyn({ core: core.name, logger: silentLogger });
    app.get("/inner/:x/*rest", ({ params, path }) => ({ params, path }));
    app.get("/outer/:a/:b", async ({ params, path }) => {
      const inner = await app.request("/inner/%C3%A9/long%2Frest/of/it/?q");
      return { inner: await inner.json(), params, path };
    });
    app.get("/eager/:a", (context) => {
      // Not awaited: the nested find has run before anything of the outer context was read.
      void app.request("/inner/1/2");
      void app.request("/nowhere/at/all");
      void app.request("/inner/%zz");
      return { params: context.params, path: context.path };
    });

    test("does not spoil the parameters of the outer one", async () => {
      const response = await app.request("/outer/first%20one/%41");
      expect(await response.json()).toEqual({
        inner: {
          params: { x: "é", rest: "long/rest/of/it" },
          path: "/inner/%C3%A9/long%2Frest/of/it",
        },
        params: { a: "first one", b: "A" },
        path: "/outer/first%20one/A",
      });
    });

    test("does so even where it has not been awaited", async () => {
      const response = await app.request("/eager/value");
      expect(await response.json()).toEqual({ params: { a: "value" }, path: "/eager/value" });
    });

    test("hundreds at once keep their parameters apart", async () => {
      const answers = await Promise.all(
        Array.from({ length: 300 }, async (_, index) => {
          const response = await app.request(`/outer/${index}/b${"x".repeat(index % 40)}`);
          const { params } = JSON.parse(await response.text());
          return params.a === String(index) && params.b === `b${"x".repeat(index % 40)}`;
        }),
      );
      expect(answers.filter((isRight) => !isRight)).toEqual([]);
    });
  });

  test(`two tables of the ${core.name} core do not share what a find leaves behind`, () => {
    const [first, second] = [0, 1].map(() => core.createRouteTable({ strict: false }));
    first!.insert("GET", "/a/:id", 1);
    second!.insert("GET", "/b/:id/*rest", 2);
    first!.seal();
    second!.seal();
    expect(first!.find(0, "/a/one%20")).toBe(1);
    expect(second!.find(0, "http://h/b/%41/three/four")).toBe(2);
    expect([first!.valuesCount, first!.value(0), first!.path()]).toEqual([1, "one ", "/a/one%20"]);
    expect([second!.valuesCount, second!.value(0), second!.value(1)]).toEqual([
      2,
      "A",
      "three/four",
    ]);
    first!.destroy();
    expect([second!.value(1), second!.path()]).toEqual(["three/four", "/b/A/three/four"]);
    second!.destroy();
  });
}

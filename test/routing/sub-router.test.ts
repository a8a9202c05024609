import { describe, expect, test } from "bun:test";
import { Robyn, SubRouter } from "../../src/index.ts";
import { errorOf, thrownBy } from "./refusals.ts";

const answer = () => "answer";

describe("a SubRouter", () => {
  test("that would contain itself is refused, however deep", () => {
    const [first, second, third] = ["/1", "/2", "/3"].map(
      (prefix) => new SubRouter<string>(prefix),
    );
    expect(thrownBy(() => first!.includeRouter(first!)).code).toBe("ROBYN_OPTION_INVALID");
    first!.includeRouter(second!);
    second!.includeRouter(third!);
    expect(thrownBy(() => second!.includeRouter(first!)).code).toBe("ROBYN_OPTION_INVALID");
    expect(thrownBy(() => third!.includeRouter(first!)).code).toBe("ROBYN_OPTION_INVALID");
  });

  test("can be included under two prefixes", async () => {
    const things = new SubRouter("/things").get(
      "/:id",
      ({ params, path }) => `${path} ${params.id}`,
    );
    const app = new Robyn();
    app.includeRouter(new SubRouter("/v1").includeRouter(things));
    app.includeRouter(new SubRouter("/v2").includeRouter(things));
    expect(await textOf(app, "/v1/things/7")).toBe("/v1/things/7 7");
    expect(await textOf(app, "/v2/things/8")).toBe("/v2/things/8 8");
    expect((await app.request("/things/7")).status).toBe(404);
  });

  test("included twice under the same prefix conflicts with itself", async () => {
    const things = new SubRouter("/things").get("/", answer);
    const error = await errorOf(new Robyn().includeRouter(things).includeRouter(things).compile());
    expect(error.code).toBe("ROBYN_ROUTE_CONFLICT");
  });

  test("takes routes after it was included, until the start", async () => {
    const outer = new SubRouter("/outer");
    const inner = new SubRouter("/inner");
    const app = new Robyn().includeRouter(outer);
    outer.includeRouter(inner);
    inner.get("/late", () => "late");
    expect(await textOf(app, "/outer/inner/late")).toBe("late");
  });

  test("may end its prefix with a slash, which is not doubled", async () => {
    const app = new Robyn().includeRouter(
      new SubRouter("/admin/").get("/stats", ({ path }) => path),
    );
    expect(await textOf(app, "/admin/stats")).toBe("/admin/stats");
  });

  test.each(["", "/"])(
    "with the prefix %j adds nothing to the paths of its routes",
    async (prefix) => {
      const app = new Robyn().includeRouter(
        new SubRouter(prefix).get("/a", answer).get("/", () => "root"),
      );
      expect(await textOf(app, "/a")).toBe("answer");
      expect(await textOf(app, "/")).toBe("root");
    },
  );

  test("answers at its prefix with and without a slash, unless the app is strict", async () => {
    const root = () => new SubRouter("/admin").get("/", answer);
    const app = new Robyn().includeRouter(root());
    expect([await statusOf(app, "/admin"), await statusOf(app, "/admin/")]).toEqual([200, 200]);
    const strict = new Robyn({ strict: true }).includeRouter(root());
    expect([await statusOf(strict, "/admin"), await statusOf(strict, "/admin/")]).toEqual([
      200, 404,
    ]);
  });

  test("takes parameters in its prefix", async () => {
    const app = new Robyn().includeRouter(
      new SubRouter("/teams/:team").get(
        "/users/:user",
        ({ params }) => `${params.team} ${params.user}`,
      ),
    );
    expect(await textOf(app, "/teams/red%20ones/users/7")).toBe("red ones 7");
  });
});

async function textOf(app: Robyn, path: string): Promise<string> {
  return (await app.request(path)).text();
}

async function statusOf(app: Robyn, path: string): Promise<number> {
  return (await app.request(path)).status;
}

/** Where hooks apply: patterns that overlap a route in part, SubRouters, and what is outside of them. */
import { describe, expect, test } from "bun:test";
import { type Robyn, SubRouter } from "robyn";
import { type Doors, openDoors } from "../support/doors.ts";

/** Adds a hook that marks the answer, so that every door can be asked whether it ran. */
function mark(router: Robyn | SubRouter<string>, name: string, pattern?: string): void {
  const hook = (response: Response) => response.headers.append("x-hooks", name);
  const run = (response: Response) => void hook(response);
  if (pattern === undefined) router.afterRequest(run);
  else router.afterRequest(pattern, run);
}

async function marks(doors: Doors, target: string): Promise<string | undefined> {
  return (await doors.ask(target)).headers["x-hooks"];
}

describe("a pattern applies by the path of the request", () => {
  const cases: [pattern: string, route: string, covered: string[], free: string[]][] = [
    ["/admin/*", "/:area/:page", ["/admin/x"], ["/other/x"]],
    ["/admin/*", "/*rest", ["/admin/x", "/admin/", "/admin"], ["/administrator", "/x/admin"]],
    ["/:area/secret", "/admin/:page", ["/admin/secret"], ["/admin/public"]],
    ["/a/:id/c", "/a/*rest", ["/a/b/c", "/a/%62/c"], ["/a/b/d", "/a/b/c/d", "/a/c"]],
    ["/files/*name", "/files/*", ["/files/a", "/files/a/b"], ["/files"]],
    ["/exact", "/exact", ["/exact", "/exact/", "/ex%61ct"], []],
    ["/other", "/exact", [], ["/exact"]],
    ["/*", "/deep/er/path", ["/deep/er/path"], []],
    ["/état", "/:word", ["/état", "/%C3%A9tat", "/%c3%a9tat"], ["/etat"]],
  ];
  test.each(cases)("%s on the route %s", async (pattern, route, covered, free) => {
    await using doors = await openDoors((app) => {
      mark(app, "ran", pattern);
      app.get(route, () => "x");
    });
    for (const target of covered) {
      expect([target, (await doors.ask(target)).status]).toEqual([target, 200]);
      expect([target, await marks(doors, target)]).toEqual([target, "ran"]);
    }
    for (const target of free)
      expect([target, await marks(doors, target)]).toEqual([target, undefined]);
  });

  test("also where no route answers", async () => {
    await using doors = await openDoors((app) => mark(app, "ran", "/admin/*"));
    expect(await marks(doors, "/admin/missing")).toBe("ran");
    expect(await marks(doors, "/missing")).toBeUndefined();
  });

  test("that is invalid is refused at start", async () => {
    const open = openDoors((app) => {
      app.get("/", () => "x").beforeRequest("/a/:id?", () => {});
    });
    await expect(open).rejects.toThrow("[ROBYN_PATTERN_INVALID]");
  });
});

describe("the hooks of a SubRouter", () => {
  const define = (app: Robyn) => {
    const inner = new SubRouter("/inner").get("/", () => "x").get("/leaf", () => "x");
    const outer = new SubRouter("/outer").get("/leaf", () => "x").includeRouter(inner);
    const plain = new SubRouter().get("/unprefixed", () => "x");
    mark(app, "app");
    mark(outer, "outer");
    mark(outer, "outer leaf", "/leaf");
    mark(inner, "inner");
    mark(inner, "inner leaf", "/leaf");
    mark(plain, "plain");
    app
      .get("/leaf", () => "x")
      .includeRouter(outer)
      .includeRouter(plain);
  };
  const cases: [target: string, expected: string][] = [
    ["/leaf", "app"],
    ["/outer/leaf", "outer leaf, outer, app"],
    ["/outer/inner", "inner, outer, app"],
    ["/outer/inner/", "inner, outer, app"],
    ["/outer/inner/leaf", "inner leaf, inner, outer, app"],
    ["/unprefixed", "plain, app"],
    ["/inner/leaf", "app"],
    ["/%6futer/leaf", "outer leaf, outer, app"],
  ];
  test.each(cases)("of %s are %s", async (target, expected) => {
    await using doors = await openDoors(define);
    expect(await marks(doors, target)).toBe(expected);
  });

  test("apply to misses below its prefix and to no others", async () => {
    await using doors = await openDoors(define);
    expect(await marks(doors, "/outer/missing")).toBe("outer, app");
    expect(await marks(doors, "/outer/inner/missing")).toBe("inner, outer, app");
    expect(await marks(doors, "/outerspace")).toBe("app");
    expect(await marks(doors, "/missing")).toBe("app");
  });

  test("apply to routes that were added before them, and after the router was included", async () => {
    await using doors = await openDoors((app) => {
      const late = new SubRouter("/late");
      app.includeRouter(late);
      late.get("/route", () => "x");
      mark(late, "late");
    });
    expect(await marks(doors, "/late/route")).toBe("late");
  });

  test("a parameter in the prefix reaches handlers and hooks", async () => {
    await using doors = await openDoors((app) => {
      const user = new SubRouter("/users/:id");
      user.afterRequest((response, { params }) => response.headers.set("x-id", params.id!));
      user.get("/posts/:post", ({ params }) => params);
      app.includeRouter(user);
    });
    const { text, headers } = await doors.ask("/users/7/posts/a%20b");
    expect(JSON.parse(text)).toEqual({ id: "7", post: "a b" });
    expect(headers["x-id"]).toBe("7");
  });
});

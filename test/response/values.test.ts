/** Values that are refused, and the helpers that make answers. */
import { describe, expect, test } from "bun:test";
import { html, json, redirect, status, t } from "robyn";
import { openDoors } from "../support/doors.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const problem500 = { type: "about:blank", title: "Internal Server Error", status: 500 };

describe("a value with no form on the wire is a 500 and a line in the log", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const refused: Readonly<Record<string, [value: () => unknown, log: string]>> = {
    "a function": [() => () => "canary", "ROBYN_VALUE_UNSUPPORTED"],
    "a symbol": [() => Symbol("canary"), "ROBYN_VALUE_UNSUPPORTED"],
    "a Map": [() => new Map([["canary", 1]]), "Return Object.fromEntries(map)."],
    "a Set": [() => new Set(["canary"]), "Return [...set]."],
    "an Error": [() => new TypeError("canary"), "returned an Error"],
    "a bigint": [() => 1n, "ROBYN_VALUE_UNSUPPORTED"],
    "status with a function": [() => status(201, () => "canary"), "ROBYN_VALUE_UNSUPPORTED"],
    "an object with a bigint": [() => ({ canary: 1n }), "BigInt"],
    "a cycle": [() => cycle, "cyclic"],
    "a throwing toJSON": [
      () => ({
        toJSON() {
          throw new Error("canary");
        },
      }),
      "canary",
    ],
    "a throwing getter": [
      () => ({
        get value() {
          throw new Error("canary");
        },
      }),
      "canary",
    ],
  };
  test.each(Object.entries(refused))("%s", async (_, [value, expected]) => {
    await using doors = await openDoors((app) => app.get("/", value));
    const answer = await doors.ask("/");
    expect(answer.status).toBe(500);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(answer.text)).toEqual(problem500);
    for (const { log } of doors.all) expect(log.errors()).toContain(expected);
  });
});

describe("a Response whose body is gone is a 500, and the log names its route", () => {
  test("one that was read", async () => {
    await using doors = await openDoors((app) =>
      app.get("/read", async () => {
        const response = new Response("canary");
        await response.text();
        return response;
      }),
    );
    expect((await doors.ask("/read")).status).toBe(500);
    for (const { log } of doors.all) {
      expect(log.errors()).toContain("ROBYN_RESPONSE_USED");
      expect(log.errors()).toContain("GET /read");
    }
  });

  test("one that was sent; a clone of it is not", async () => {
    const log = recordingLogger();
    const app = quietApp({ logger: log });
    const kept = new Response("one for all");
    app.get("/same", () => kept).get("/clone", () => kept.clone());
    await using server = await serveApp(app);
    const ask = async (path: string) => {
      const response = await fetch(server.url(path));
      return [response.status, await response.text()];
    };
    expect(await ask("/clone")).toEqual([200, "one for all"]);
    expect(await ask("/clone")).toEqual([200, "one for all"]);
    expect(await ask("/same")).toEqual([200, "one for all"]);
    expect(await ask("/same")).toEqual([500, expect.stringContaining('"status":500')]);
    expect(log.errors()).toContain("ROBYN_RESPONSE_USED");
  });
});

describe("the option statusCode", () => {
  test("is the status of plain values", async () => {
    await using doors = await openDoors((app) =>
      app
        .post("/object", { statusCode: 201 }, () => ({ id: 1 }))
        .post("/string", { statusCode: 202 }, async () => "later")
        .post("/nothing", { statusCode: 205 }, () => undefined),
    );
    const ask = async (target: string) => (await doors.ask({ method: "POST", target })).status;
    expect(await ask("/object")).toBe(201);
    expect(await ask("/string")).toBe(202);
    expect(await ask("/nothing")).toBe(205);
  });

  test("gives way to status() and Response", async () => {
    const app = quietApp()
      .get("/status", { statusCode: 201 }, () => status(202, "x"))
      .get("/response", { statusCode: 201 }, () => new Response("x", { status: 203 }));
    expect((await app.request("/status")).status).toBe(202);
    expect((await app.request("/response")).status).toBe(203);
  });

  test("is not the status of errors", async () => {
    const app = quietApp().get("/", { statusCode: 201 }, () => {
      throw new Error();
    });
    expect((await app.request("/")).status).toBe(500);
  });
});

describe("status()", () => {
  test.each([0, 99, 100, 101, 199, 600, 200.5, Number.NaN])("refuses %d", (code) => {
    expect(() => status(code)).toThrow(RangeError);
  });
});

test("status() goes before the status of a Response, whose headers stay", async () => {
  await using doors = await openDoors((app) =>
    app
      .get("/page", () => status(404, html("<b>gone", { headers: { "x-own": "1" } })))
      .get("/none", () => status(204, html("gone")))
      .get("/schema", { response: { 404: t.Object({}) } }, () =>
        status(404, html("gone") as never),
      ),
  );
  const page = await doors.ask("/page");
  expect([page.status, page.headers["x-own"], page.text]).toEqual([404, "1", "<b>gone"]);
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(await doors.ask("/none")).toMatchObject({ status: 204, text: "" });
  expect(await doors.ask("/schema")).toMatchObject({ status: 404, text: "gone" });
});

describe("html() and json()", () => {
  test("take status and headers", async () => {
    const page = html("<b>", { status: 404, headers: { "x-a": "1" } });
    expect(page.status).toBe(404);
    expect(page.headers.get("x-a")).toBe("1");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const data = json({ a: 1 }, { status: 400, headers: { "x-a": "1" } });
    expect(data.status).toBe(400);
    expect(data.headers.get("x-a")).toBe("1");
  });

  test("html() keeps a content type of its own", () => {
    const page = html("<x/>", { headers: { "Content-Type": "application/xhtml+xml" } });
    expect(page.headers.get("content-type")).toBe("application/xhtml+xml");
  });
});

describe("redirect()", () => {
  test.each([301, 302, 303, 307, 308])("sends %d with Location", (code) => {
    const response = redirect("/there?a=1", code);
    expect(response.status).toBe(code);
    expect(response.headers.get("location")).toBe("/there?a=1");
  });

  test.each([200, 300, 304, 306, 404])("refuses the status %d", (code) => {
    expect(() => redirect("/", code)).toThrow(RangeError);
  });

  const leaving = [
    "//evil.com",
    "//evil.com/path",
    "/\\evil.com",
    "\\\\evil.com",
    "\\/evil.com",
    // Browsers remove tabs and line breaks before they parse, so these become `//evil.com`.
    "/\t/evil.com",
    "/\n/evil.com",
    "\t//evil.com",
    "\u0000//evil.com",
    "/ok\r\nset-cookie: a=b",
  ];
  test.each(leaving)("refuses %j, which would leave the site", (location) => {
    expect(() => redirect(location)).toThrow(TypeError);
  });

  // Browsers strip these from both ends before they parse.
  test.each([" //evil.com", "\u3000//evil.com", "\ufeff//evil.com"])(
    "sends %j so that it stays on the site",
    (location) => {
      const sent = redirect(location).headers.get("location")!;
      expect(new URL(sent, "https://site.example/login").host).toBe("site.example");
    },
  );

  test.each(["https://evil.com/", "/a//b", "relative", "?page=2", "#top", "/"])(
    "sends %j as it is",
    (location) => {
      expect(redirect(location).headers.get("location")).toBe(location);
    },
  );

  test("encodes what a header cannot carry", () => {
    expect(redirect("/état").headers.get("location")).toBe("/%C3%A9tat");
    expect(redirect("/a\ud800").headers.get("location")).toBe("/a%EF%BF%BD");
  });

  test("to user input that leaves the site is a 500 and no redirect", async () => {
    await using doors = await openDoors((app) =>
      app.get("/login", ({ query, redirect: to }) => to(String(query.next))),
    );
    const good = await doors.ask("/login?next=%2Fhome");
    expect(good.headers.location).toBe("/home");
    const bad = await doors.ask("/login?next=%2F%2Fevil.com");
    expect(bad.status).toBe(500);
    expect(bad.headers.location).toBeUndefined();
  });
});

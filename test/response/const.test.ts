/** Const responses: computed once, answered the same through every door. */
import { describe, expect, test } from "bun:test";
import { html, json, type Robyn, status, t } from "robyn";
import { type Doors, openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

test("the handler runs once, at start, however often it is asked", async () => {
  let runs = 0;
  const app = quietApp().get("/", { const: true }, async () => ({ runs: ++runs }));
  expect(runs).toBe(0);
  for (let round = 0; round < 3; round++)
    expect(await (await app.request("/")).json()).toEqual({ runs: 1 });
  expect(runs).toBe(1);
});

test("loses what its response schema does not declare", async () => {
  const row = { id: 1, hash: "SECRET" };
  const response = t.Object({ id: t.Integer() });
  await using doors = await openDoors((app) => app.get("/", { const: true, response }, () => row));
  expect((await doors.ask("/")).text).toBe('{"id":1}');
});

describe("the type of the stored answer is that of the plain one", () => {
  const values: Readonly<Record<string, () => unknown>> = {
    "a string": () => "text",
    "a long string, which is compressed": () => "text ".repeat(200),
    "an object": () => ({ a: 1 }),
    html: () => html("<b>"),
    bytes: () => Buffer.from("raw"),
    "a Blob": () => new Blob(["b {}"], { type: "text/css" }),
    "a file": () => Bun.file(`${import.meta.dir}/../../package.json`),
    "a Response": () => new Response("own"),
    "a Response of nothing": () => new Response(null),
    "a stream": () => new Response("streamed").body,
    "an async generator": async function* () {
      yield "streamed";
    },
  };
  test.each(Object.entries(values))("%s", async (_, value) => {
    await using doors = await openDoors((app) =>
      app.get("/plain", value).get("/const", { const: true }, value),
    );
    await doors.ask("/const");
    for (const door of doors.all.filter(({ name }) => name.startsWith("socket"))) {
      const plain = await door.ask({ target: "/plain" });
      const stored = await door.ask({ target: "/const" });
      expect(stored.headers["content-type"]).toBe(plain.headers["content-type"]!);
      expect(stored.text).toBe(plain.text);
    }
  });

  test("status and headers are stored too", async () => {
    await using doors = await openDoors((app) =>
      app.get("/", { const: true }, () => json([1], { status: 202, headers: { "x-a": "1" } })),
    );
    const { status: code, headers } = await doors.ask("/");
    expect({ code, header: headers["x-a"] }).toEqual({ code: 202, header: "1" });
  });

  test("nothing is stored as 204", async () => {
    await using doors = await openDoors((app) => app.get("/", { const: true }, () => null));
    expect(await doors.ask("/")).toMatchObject({ status: 204, text: "" });
  });
});

describe("a const answer is the same through every door", () => {
  const spellings = [
    "/health",
    "/health/",
    "/health?x=1",
    "/%68ealth",
    "/./health",
    "/x/../health",
    "/health#x",
    "/health//",
    "//health",
    "/HEALTH",
  ];
  const isThere = new Set(spellings.slice(0, 7));
  const withDoors = async (run: (doors: Doors) => Promise<void>) => {
    await using doors = await openDoors((app) =>
      app.get("/health", { const: true }, () => ({ status: "healthy" })),
    );
    await run(doors);
  };

  test.each(spellings)("%s", async (target) => {
    await withDoors(async (doors) => {
      const get = await doors.ask(target);
      expect(get.status).toBe(isThere.has(target) ? 200 : 404);
      const head = await doors.ask({ method: "HEAD", target });
      expect({ status: head.status, text: head.text }).toEqual({ status: get.status, text: "" });
    });
  });

  test.each(["POST", "PUT", "PATCH", "DELETE"])("%s is 405 with Allow", async (method) => {
    await withDoors(async (doors) => {
      for (const target of spellings.slice(0, 4)) {
        const { status: code, headers } = await doors.ask({ method, target });
        expect({ code, allow: headers.allow }).toEqual({ code: 405, allow: "GET, HEAD, OPTIONS" });
      }
    });
  });

  test("OPTIONS is 204 with Allow", async () => {
    await withDoors(async (doors) => {
      const { status: code, headers } = await doors.ask({ method: "OPTIONS", target: "/health" });
      expect({ code, allow: headers.allow }).toEqual({ code: 204, allow: "GET, HEAD, OPTIONS" });
    });
  });

  test("another method of the same path keeps its handler", async () => {
    await using doors = await openDoors((app) =>
      app
        .get("/health", { const: true }, () => html("read"))
        .post("/health", () => "written")
        .head("/health", () => new Response(null, { headers: { "x-head": "own" } })),
    );
    expect((await doors.ask("/health")).text).toBe("read");
    expect((await doors.ask({ method: "POST", target: "/health" })).text).toBe("written");
    expect((await doors.ask({ method: "HEAD", target: "/health" })).headers["x-head"]).toBe("own");
  });

  test("a pattern may be const: every path of it has the one answer", async () => {
    await using doors = await openDoors((app) =>
      app
        .get("/pages/:name", { const: true }, () => html("any page"))
        .get("/pages/about", { const: true }, () => html("about"))
        .get("/files/*", { const: true }, () => html("any file"))
        .get("/", { const: true }, () => html("root")),
    );
    expect((await doors.ask("/pages/x")).text).toBe("any page");
    expect((await doors.ask("/pages/about")).text).toBe("about");
    expect((await doors.ask("/pages/about/")).text).toBe("about");
    expect((await doors.ask("/pages/%61bout")).text).toBe("about");
    expect((await doors.ask("/files/a/b")).text).toBe("any file");
    expect((await doors.ask("/")).text).toBe("root");
    expect((await doors.ask("/pages/x/y")).status).toBe(404);
  });

  test("also with more const routes than are accelerated", async () => {
    await using doors = await openDoors((app) => {
      for (let id = 0; id < 300; id++)
        app.get(`/const/${id}`, { const: true }, () => html(`is ${id}`));
    });
    for (const id of [0, 127, 128, 299])
      expect((await doors.ask(`/const/${id}`)).text).toBe(`is ${id}`);
  });
});

describe("hooks of a const route", () => {
  test("run for every request, the handler once", async () => {
    const count = { handler: 0, before: 0, after: 0 };
    const define = (app: Robyn) => {
      app.beforeRequest("/health", () => void count.before++);
      app.afterRequest((response) => {
        response.headers.set("x-after", String(++count.after));
      });
      app.get("/health", { const: true }, () => html(`run ${++count.handler}`));
    };
    await using doors = await openDoors(define);
    for (const door of doors.all) {
      Object.assign(count, { before: 0, after: 0 });
      for (let round = 1; round <= 3; round++) {
        const { text, headers } = await door.ask({ target: "/health" });
        expect(text).toStartWith("run ");
        expect(headers["x-after"]).toBe(String(round));
      }
      expect(count.before).toBe(3);
    }
    expect(count.handler).toBe(doors.all.length);
  });

  test("a before hook may answer instead", async () => {
    await using doors = await openDoors((app) =>
      app
        .beforeRequest("/secret/*", () => status(401, "no"))
        .get("/secret/const", { const: true }, () => html("secret"))
        .get("/open", { const: true }, () => html("open")),
    );
    expect((await doors.ask("/secret/const")).text).toBe("no");
    expect((await doors.ask("/open")).text).toBe("open");
  });

  test("headers that a hook sets do not stay in the stored answer", async () => {
    await using doors = await openDoors((app) => {
      app.afterRequest((response, { query }) => {
        if (query.mark !== undefined) response.headers.set("x-mark", "1");
      });
      app.get("/", { const: true }, () => html("x"));
    });
    expect((await doors.ask("/?mark=1")).headers["x-mark"]).toBe("1");
    expect((await doors.ask("/")).headers["x-mark"]).toBeUndefined();
  });
});

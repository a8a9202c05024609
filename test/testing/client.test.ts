/** The test client, through both doors. */
import { describe, expect, test } from "bun:test";
import { Robyn } from "robyn";
import { createClient } from "robyn/testing";

function notes(): { app: Robyn; events: string[] } {
  const events: string[] = [];
  const app = new Robyn();
  app.startupHandler(() => events.push("up"));
  app.shutdownHandler(() => events.push("down"));
  app.get("/echo", ({ request, query }) => ({ cookie: request.headers.get("cookie"), query }));
  app.get(
    "/login",
    () =>
      new Response("in", {
        headers: [
          ["set-cookie", "id=7; Path=/"],
          ["set-cookie", "deep=1"],
        ],
      }),
  );
  app.get("/area/login", () => new Response("in", { headers: { "set-cookie": "area=a" } }));
  app.get("/area/echo", ({ request }) => request.headers.get("cookie"));
  app.get(
    "/logout",
    () => new Response("out", { headers: { "set-cookie": "id=; Path=/; Max-Age=0" } }),
  );
  app.post("/json", async ({ json, headers }) => ({
    body: await json(),
    type: headers.get("content-type"),
  }));
  app.post("/form", async ({ formData }) => {
    const form = await formData();
    const file = form.get("file");
    return {
      names: form.getAll("name"),
      file: file instanceof File ? [file.name, await file.text()] : null,
    };
  });
  app.get("/away", ({ redirect }) => redirect("/echo"));
  return { app, events };
}

describe.each([false, true])("a client with socket: %p", (socket) => {
  test("keeps cookies by path and forgets those that expire", async () => {
    await using client = createClient(notes().app, { socket });
    await client.get("/login");
    expect(await (await client.get("/echo")).json()).toMatchObject({ cookie: "id=7; deep=1" });
    await client.get("/area/login");
    expect(await (await client.get("/area/echo")).text()).toBe("area=a; id=7; deep=1");
    expect(await (await client.get("/echo")).json()).toMatchObject({ cookie: "id=7; deep=1" });
    await client.get("/logout");
    expect(client.cookies.get("id")).toBeUndefined();
    client.cookies.set("own", "1");
    expect(client.cookies.get("own")).toBe("1");
    client.cookies.clear();
    expect(await (await client.get("/echo")).json()).toMatchObject({ cookie: null });
  });

  test("sends queries, JSON and forms", async () => {
    await using client = createClient(notes().app, { socket, headers: { "x-all": "1" } });
    expect(
      await (await client.get("/echo?a=1", { query: { b: ["2", "3"], c: true } })).json(),
    ).toMatchObject({
      query: { a: "1", b: ["2", "3"], c: "true" },
    });
    expect(await (await client.post("/json", { json: [1] })).json()).toEqual({
      body: [1],
      type: "application/json",
    });
    const form = { name: ["a", "b"], file: new File(["text"], "f.txt") };
    expect(await (await client.post("/form", { form })).json()).toEqual({
      names: ["a", "b"],
      file: ["f.txt", "text"],
    });
  });

  test("does not follow redirects and drops the body of HEAD", async () => {
    await using client = createClient(notes().app, { socket });
    const away = await client.get("/away");
    expect([away.status, away.headers.get("location")]).toEqual([307, "/echo"]);
    expect(await (await client.head("/echo")).text()).toBe("");
  });

  test("says what a path is where it was given something else", async () => {
    const { app } = notes();
    await using client = createClient(app, { socket });
    expect(client.get("echo")).rejects.toThrow('given "echo"; a path begins with "/"');
    expect(app.request("echo")).rejects.toThrow('given "echo"; it takes a path');
  });

  test("runs startup and shutdown handlers where a server runs", async () => {
    const { app, events } = notes();
    const client = createClient(app, { socket });
    await client.get("/echo");
    await client.close();
    expect(events).toEqual(socket ? ["up", "down"] : []);
  });
});

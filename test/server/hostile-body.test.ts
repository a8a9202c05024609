/** Bodies that are too large, unread, broken off, and clients that leave. */
import { describe, expect, test } from "bun:test";
import { RawClient, request } from "../support/raw.ts";
import { startVictim } from "../support/victim.ts";
import { until } from "../support/wait.ts";

let isGeneratorFinished = false;
let handlersEntered = 0;
const { promise: never } = Promise.withResolvers<string>();

const victim = startVictim((app) => {
  app.get("/secret", () => "smuggled");
  app.post("/length", async (context) => String((await context.text()).length));
  app.post("/ignore", () => "ignored");
  app.post("/entered", async (context) => {
    handlersEntered++;
    return await context.text();
  });
  app.get("/stuck", ({ signal }) => {
    handlersEntered++;
    signal.addEventListener("abort", () => handlersEntered--);
    return never;
  });
  app.get("/endless", async function* () {
    try {
      for (;;) {
        yield "x".repeat(1_000);
        await Bun.sleep(1);
      }
    } finally {
      isGeneratorFinished = true;
    }
  });
});

const limit = 10_000;
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

describe("a body over the limit", () => {
  test("by its Content-Length is answered 413 before it is sent", async () => {
    const bytes = request("POST", "/length", { "Content-Length": String(limit + 1) });
    expect((await victim.exchange(bytes, "POST")).status).toBe(413);
  });

  test("by its Content-Length is answered 413 also where the handler ignores it", async () => {
    const bytes = request("POST", "/ignore", { "Content-Length": String(limit + 1) });
    expect((await victim.exchange(bytes, "POST")).status).toBe(413);
  });

  test("in chunks is answered 413 where it is read", async () => {
    const head = request("POST", "/length", { "Transfer-Encoding": "chunked" });
    const { status } = await victim.exchange(head + chunked("a".repeat(limit + 1)), "POST");
    expect(status).toBe(413);
  });

  test("in chunks that nobody reads is never taken for a request", async () => {
    using client = await RawClient.connect(victim.port);
    const hidden = request("GET", "/secret");
    client.send(request("POST", "/ignore", { "Transfer-Encoding": "chunked" }));
    client.send(chunked("a".repeat(limit * 2) + hidden) + request("GET", "/alive"));
    expect((await client.next("POST")).status).toBeOneOf([200, 413]);
    const after = await client.next().then(
      ({ text }) => text,
      () => "closed",
    );
    expect(after).toBeOneOf(["alive", "closed"]);
  });

  test("exactly at the limit is served", async () => {
    const bytes = request("POST", "/length", {}, "a".repeat(limit));
    expect((await victim.exchange(bytes, "POST")).text).toBe(String(limit));
  });
});

test("an unread body does not disturb the next request of the connection", async () => {
  using client = await RawClient.connect(victim.port);
  const hidden = request("GET", "/secret");
  for (let round = 0; round < 3; round++) {
    client.send(request("POST", "/ignore", {}, hidden));
    expect((await client.next("POST")).text).toBe("ignored");
    client.send(request("GET", "/alive"));
    expect((await client.next()).text).toBe("alive");
  }
});

test("an unread body in chunks does not disturb the next request", async () => {
  using client = await RawClient.connect(victim.port);
  client.send(request("POST", "/ignore", { "Transfer-Encoding": "chunked" }));
  client.send(chunked(request("GET", "/secret")) + request("GET", "/alive"));
  expect((await client.next("POST")).text).toBe("ignored");
  expect((await client.next()).text).toBe("alive");
});

test("a body on GET does not disturb the next request", async () => {
  using client = await RawClient.connect(victim.port);
  client.send(request("GET", "/alive", {}, request("GET", "/secret")) + request("GET", "/alive"));
  expect((await client.next()).text).toBe("alive");
  expect((await client.next()).text).toBe("alive");
});

describe("conflicting framing is refused and its tail never dispatched", () => {
  const framings: [string, string][] = [
    ["Content-Length with Transfer-Encoding", "Content-Length: 4\r\nTransfer-Encoding: chunked"],
    ["two Content-Length", "Content-Length: 4\r\nContent-Length: 5"],
    ["a signed Content-Length", "Content-Length: +4"],
    ["an unknown Transfer-Encoding", "Transfer-Encoding: xchunked"],
  ];
  test.each(framings)("%s", async (_, lines) => {
    using client = await RawClient.connect(victim.port);
    client.send(`POST /ignore HTTP/1.1\r\nHost: x\r\n${lines}\r\n\r\n0\r\n\r\n`);
    client.send(request("GET", "/secret"));
    expect((await client.next("POST")).status).toBe(400);
    await client.closes();
    expect(client.received).not.toContain("smuggled");
  });
});

describe("a client that vanishes", () => {
  test("within the head leaves nothing behind", async () => {
    using client = await RawClient.connect(victim.port);
    client.send("GET /alive HTTP/1.1\r\nHost: x\r\nX-Half: ").vanish();
  });

  test("within the body ends the request", async () => {
    handlersEntered = 0;
    using client = await RawClient.connect(victim.port);
    client.send(`${request("POST", "/entered", { "Content-Length": "1000" })}half`);
    await until("the handler to run", () => handlersEntered === 1);
    client.vanish();
    await until("the request to end", () => victim.pending === 0);
  });

  test("before the answer aborts the signal of the request", async () => {
    handlersEntered = 0;
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/stuck"));
    await until("the handler to run", () => handlersEntered === 1);
    client.vanish();
    await until("the signal to abort", () => handlersEntered === 0);
  });

  test("within a streamed answer ends its generator", async () => {
    isGeneratorFinished = false;
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/endless"));
    await client.sees(/xxx/);
    client.vanish();
    await until("the generator to end", () => isGeneratorFinished);
  });

  test("a hundred times over leaves no request pending", async () => {
    const clients = await Promise.all(
      Array.from({ length: 100 }, () => RawClient.connect(victim.port)),
    );
    for (const [index, client] of clients.entries()) {
      client.send(request("GET", index % 2 === 0 ? "/endless" : "/alive")).vanish();
    }
    await until("all requests to end", () => victim.pending === 0);
  });
});

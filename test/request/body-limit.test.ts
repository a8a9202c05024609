/** Bodies over the limit: 413, whatever the handler does with them and however they are sent. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Context, RouteOptions } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { multipart, multipartType, part } from "../support/multipart.ts";
import { exchange, RawClient, type RawResponse, request } from "../support/raw.ts";
import { quietApp, serveApp, type Served } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const limit = 10_000;
const log = recordingLogger();

/** What a handler may do with a body. Each answers 200 if it is let. */
const shapes: Readonly<Record<string, (context: Context) => unknown>> = {
  ignores: () => "ignored",
  text: async ({ text }) => String((await text()).length),
  json: async ({ json }) => String(JSON.stringify(await json()).length),
  bytes: async ({ bytes }) => String((await bytes()).length),
  form: async ({ form }) => Object.keys((await form()).fields),
  "standard-form": async ({ formData }) => [...(await formData()).keys()],
  "first-chunk": async ({ request }) => {
    const { value } = await request.body!.getReader().read();
    return String(value?.length);
  },
  "swallows-the-error": async ({ request, text }) => {
    await text().catch(() => {});
    await request.text().catch(() => {});
    return "swallowed";
  },
  "reads-later": async ({ text }) => {
    await Bun.sleep(5);
    return String((await text()).length);
  },
};

/** `size` bytes that are JSON and a form, as the content type says. */
function bodyOf(shape: string, size: number): { body: string; headers: Record<string, string> } {
  if (shape === "form" || shape === "standard-form") {
    const overhead = multipart(part("; name=a", "")).length;
    return {
      body: multipart(part("; name=a", "x".repeat(size - overhead))),
      headers: multipartType,
    };
  }
  return {
    body: `"${"x".repeat(size - 2)}"`,
    headers: { "content-type": "application/json" },
  };
}

function chunks(body: string, size = 4_096): string {
  let sent = "";
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.slice(at, at + size);
    sent += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${sent}0\r\n\r\n`;
}

let server: Served;
const send = async (
  target: string,
  shape: string,
  size: number,
  framing: string,
): Promise<RawResponse> => {
  const { body, headers } = bodyOf(shape, size);
  if (framing === "content-length")
    return await exchange(server.port, request("POST", target, headers, body), "POST");
  const head = request("POST", target, { ...headers, "Transfer-Encoding": "chunked" });
  return await exchange(server.port, head + chunks(body), "POST");
};

beforeAll(async () => {
  const app = quietApp({ logger: log });
  app.get("/alive", () => "alive");
  app.afterRequest((response) => response.headers.set("access-control-allow-origin", "*"));
  const routes: Record<string, RouteOptions> = {
    "": {},
    "/smaller": { maxPayloadSize: limit / 2 },
    "/larger": { maxPayloadSize: limit * 2 },
    "/stream": { stream: true },
  };
  for (const [prefix, options] of Object.entries(routes))
    for (const [shape, handler] of Object.entries(shapes))
      app.post(`${prefix}/${shape}`, options, handler);
  app.get("/get", async ({ text }) => (await text()).length);
  app.post("/swallows-stream", { stream: true }, async ({ stream }) => {
    let size = 0;
    try {
      for await (const chunk of stream()!) size += chunk.length;
    } catch (error) {
      return `stopped: ${(error as { status: number }).status} after ${size <= limit}`;
    }
    return size;
  });
  server = await serveApp(app, { maxPayloadSize: limit });
});
afterAll(() => server[Symbol.asyncDispose]());

describe.each(Object.keys(shapes))("a handler that %s", (shape) => {
  const sizes = [
    ["", limit],
    ["/smaller", limit / 2],
    ["/larger", limit * 2],
  ] as const;
  describe.each(["content-length", "chunked"])("%s", (framing) => {
    test.each(sizes)("%s/… is 413 above its limit and served at it", async (prefix, most) => {
      const refused = await send(`${prefix}/${shape}`, shape, most + 1, framing);
      expect(refused.status).toBe(413);
      expect(refused.headers).toMatchObject({
        "content-type": "application/problem+json",
        "access-control-allow-origin": "*",
      });
      expect(JSON.parse(refused.text)).toMatchObject({
        status: 413,
        detail: `the body is larger than ${most} bytes`,
      });
      expect((await send(`${prefix}/${shape}`, shape, most, framing)).status).toBe(200);
    });
  });
});

test("the handler of an oversized body is not entered", async () => {
  let entered = 0;
  const app = quietApp().post("/", () => void entered++);
  await using own = await serveApp(app, { maxPayloadSize: 10 });
  await exchange(own.port, request("POST", "/", {}, "x".repeat(11)), "POST");
  await exchange(
    own.port,
    request("POST", "/", { "Transfer-Encoding": "chunked" }) + chunks("x".repeat(11)),
    "POST",
  );
  expect(entered).toBe(0);
  await exchange(own.port, request("POST", "/", {}, "x"), "POST");
  expect(entered).toBe(1);
});

test("the connection is closed where the rest would be long or of unknown length", async () => {
  for (const framing of ["Content-Length: 16777217", "Transfer-Encoding: chunked"]) {
    using client = await RawClient.connect(server.port);
    client.send(`POST /text HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
    if (framing.startsWith("T"))
      client.send(`${(limit + 1).toString(16)}\r\n${"x".repeat(limit + 1)}\r\n`);
    expect((await client.next("POST")).status).toBe(413);
    await client.closes();
  }
});

test("a client that goes on to send what is a little too large can read why", async () => {
  for (let round = 0; round < 20; round++) {
    using client = await RawClient.connect(server.port);
    const bytes = request("POST", "/ignores", {}, "x".repeat(4_000_000));
    client.send(bytes).send(request("GET", "/alive"));
    expect((await client.next("POST")).status).toBe(413);
    expect((await client.next()).text).toBe("alive");
  }
});

test("a body in chunks is read whole where it fits, also by the raw request", async () => {
  const { text } = await send("/swallows-the-error", "text", limit, "chunked");
  expect(text).toBe("swallowed");
  const { text: size } = await send("/text", "text", limit, "chunked");
  expect(size).toBe(String(limit));
});

describe("a route that streams", () => {
  test.each(["text", "json", "bytes", "form", "standard-form", "reads-later"])(
    "%s: 413 while it is read",
    async (shape) => {
      for (const framing of ["content-length", "chunked"]) {
        expect((await send(`/stream/${shape}`, shape, limit + 1, framing)).status).toBe(413);
        expect((await send(`/stream/${shape}`, shape, limit, framing)).status).toBe(200);
      }
    },
  );

  test("its handler runs before the body has come", async () => {
    using client = await RawClient.connect(server.port);
    client.send(request("POST", "/stream/first-chunk", { "Transfer-Encoding": "chunked" }));
    client.send("5\r\nhello\r\n");
    expect((await client.next("POST")).text).toBe("5");
  });

  test("its request cannot be cloned: chunks are freed when they were read", async () => {
    const app = quietApp();
    app.post("/", { stream: true }, ({ request }) => {
      expect(() => request.clone()).toThrow("cannot be cloned");
      return "";
    });
    expect((await app.request("/", { method: "POST", body: "x" })).status).toBe(200);
  });

  test("leaves the buffers of a stream alone that is not Bun's", async () => {
    const bytes = Buffer.from(multipart(part("; name=a; filename=b", "x".repeat(limit))));
    const app = quietApp().post(
      "/",
      { stream: true },
      async ({ form }) => (await form()).files.a![0]!.size,
    );
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
    const response = await app.request("/", { method: "POST", headers: multipartType, body });
    expect(await response.text()).toBe(String(limit));
    expect(bytes.subarray(-4).toString()).toBe("--\r\n");
  });

  test("is told in its stream, and decides itself", async () => {
    const { text } = await send("/swallows-stream", "text", limit * 3, "chunked");
    expect(text).toBe("stopped: 413 after true");
    expect((await send("/swallows-stream", "text", limit, "chunked")).text).toBe(String(limit));
  });
});

test("the body of a GET reaches nobody", async () => {
  for (const bytes of [
    request("GET", "/get", {}, "hello"),
    `${request("GET", "/get", { "Transfer-Encoding": "chunked" })}5\r\nhello\r\n0\r\n\r\n`,
  ])
    expect((await exchange(server.port, bytes)).text).toBe("0");
});

test("a hook that reads the body where there is no route is guarded, too", async () => {
  const app = quietApp().beforeRequest(async ({ request }) =>
    String((await request.text()).length),
  );
  await using own = await serveApp(app, { maxPayloadSize: 10 });
  for (const [size, status] of [
    [10, 200],
    [11, 413],
  ] as const) {
    const body = "x".repeat(size);
    const head = request("POST", "/nowhere", { "Transfer-Encoding": "chunked" });
    expect((await exchange(own.port, request("POST", "/nowhere", {}, body), "POST")).status).toBe(
      status,
    );
    expect((await exchange(own.port, head + chunks(body), "POST")).status).toBe(status);
  }
});

test("a body out of all proportion is refused by Bun itself", async () => {
  const head = request("POST", "/text", { "Content-Length": String(134_217_729) });
  using client = await RawClient.connect(server.port);
  client.send(head);
  await client.sees(/^HTTP\/1\.1 413 /);
  await client.closes();
});

test("a client that leaves within its body is no error of the server", async () => {
  for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
    for (const shape of ["text", "bytes", "form", "reads-later"]) {
      using client = await RawClient.connect(server.port);
      client.send(
        `POST /${shape} HTTP/1.1\r\nHost: x\r\nContent-Type: ${multipartType["content-type"]}\r\n${framing}\r\n\r\n`,
      );
      client.send("5\r\n-----");
      await until("the request to begin", () => server.running.pending > 0);
      client.vanish();
      await until("the request to end", () => server.running.pending === 0);
    }
  }
  expect(log.errors()).toBe("");
});

test("a body that the handler has taken itself is its own mistake: a 500", async () => {
  const app = quietApp().post(
    "/",
    async ({ request, text }) => (await request.text()) + (await text()),
  );
  expect((await app.request("/", { method: "POST", body: "x" })).status).toBe(500);
});

describe("in process and mounted elsewhere", () => {
  const app = quietApp({ maxPayloadSize: 10 })
    .post("/", async ({ text }) => (await text()).length)
    .post("/ignore", () => "ignored")
    .post("/more", { maxPayloadSize: 20 }, async ({ request }) => (await request.text()).length);
  const ask = async (path: string, body: string | ReadableStream) =>
    (await app.request(path, { method: "POST", body })).status;

  test("new Robyn({ maxPayloadSize }) holds", async () => {
    expect(await ask("/", "x".repeat(10))).toBe(200);
    expect(await ask("/", "x".repeat(11))).toBe(413);
    expect(await ask("/ignore", "x".repeat(11))).toBe(413);
    expect(await ask("/more", "x".repeat(20))).toBe(200);
    expect(await ask("/more", "x".repeat(21))).toBe(413);
    expect(await ask("/", new Blob(["x".repeat(11)]).stream())).toBe(413);
  });

  test("behind another Bun.serve", async () => {
    using outer = Bun.serve({ port: 0, fetch: app.fetch });
    for (const framing of ["content-length", "chunked"]) {
      for (const [path, size, status] of [
        ["/", 10, 200],
        ["/", 11, 413],
        ["/ignore", 11, 413],
      ] as const) {
        const body = "x".repeat(size);
        const bytes =
          framing === "chunked"
            ? request("POST", path, { "Transfer-Encoding": "chunked" }) + chunks(body)
            : request("POST", path, {}, body);
        expect((await exchange(outer.port!, bytes, "POST")).status).toBe(status);
      }
    }
  });

  test("start() has the last word", async () => {
    const again = quietApp({ maxPayloadSize: 10 }).post(
      "/",
      async ({ text }) => (await text()).length,
    );
    await using started = await serveApp(again, { maxPayloadSize: 20 });
    expect(
      (await exchange(started.port, request("POST", "/", {}, "x".repeat(20)), "POST")).status,
    ).toBe(200);
    expect(
      (await exchange(started.port, request("POST", "/", {}, "x".repeat(21)), "POST")).status,
    ).toBe(413);
  });
});

describe("is refused at start", () => {
  const cases: [string, string, RouteOptions][] = [
    ["POST", "a negative limit", { maxPayloadSize: -1 }],
    ["POST", "a limit that is no number", { maxPayloadSize: "1mb" as unknown as number }],
    ["POST", "a negative timeout", { timeout: -1 }],
    ["POST", "an endless timeout", { timeout: Number.POSITIVE_INFINITY }],
    ["POST", "an upload timeout of 0", { uploadTimeout: 0 }],
    ["POST", "an upload timeout that nothing would end", { uploadTimeout: 256, timeout: 0 }],
    ["GET", "a limit on GET, which has no body", { maxPayloadSize: 1 }],
    ["GET", "stream on GET", { stream: true }],
    ["GET", "a timeout on a const route", { const: true, timeout: 1 }],
  ];
  test.each(cases)("%s with %s", async (method, _, options) => {
    const app = quietApp();
    app.addRoute(method, "/", options, () => "");
    await expect(app.compile()).rejects.toThrow(`${method} /`);
    await expect(app.compile()).rejects.toThrow("ROBYN_OPTION_INVALID");
  });

  test("a limit or timeout of the app that is none", () => {
    expect(() => quietApp({ maxPayloadSize: -1 })).toThrow("ROBYN_OPTION_INVALID");
    expect(() => quietApp({ timeout: -1 })).toThrow("ROBYN_OPTION_INVALID");
    expect(() => quietApp({ timeout: Number.NaN })).toThrow("ROBYN_OPTION_INVALID");
  });
});

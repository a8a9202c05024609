/** HttpError: an answer that is thrown, as a problem document (RFC 9457). */
import { describe, expect, test } from "bun:test";
import { HttpError, type HttpErrorOptions } from "robyn";
import { openDoors } from "../support/doors.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp } from "../support/serve.ts";

describe("an HttpError becomes a problem document", () => {
  const cases: [what: string, error: () => HttpError, document: Record<string, unknown>][] = [
    [
      "with its status alone",
      () => new HttpError(404),
      { type: "about:blank", title: "Not Found", status: 404 },
    ],
    [
      "with a detail",
      () => new HttpError(409, "the note 7 has changed"),
      {
        type: "about:blank",
        title: "Conflict",
        status: 409,
        detail: "the note 7 has changed",
      },
    ],
    [
      "with type, title and extensions",
      () =>
        new HttpError(422, "too long", {
          type: "https://example.com/problems/length",
          title: "Too long",
          extensions: { max: 10, field: "name" },
        }),
      {
        type: "https://example.com/problems/length",
        title: "Too long",
        status: 422,
        detail: "too long",
        max: 10,
        field: "name",
      },
    ],
    [
      "with a status that has no phrase",
      () => new HttpError(499),
      { type: "about:blank", title: "Error", status: 499 },
    ],
    [
      "with a detail that is not ASCII",
      () => new HttpError(400, "größer als 7 €"),
      { type: "about:blank", title: "Bad Request", status: 400, detail: "größer als 7 €" },
    ],
  ];
  test.each(cases)("%s", async (_, error, document) => {
    await using doors = await openDoors((app) =>
      app.get("/", () => {
        throw error();
      }),
    );
    const { status, headers, text } = await doors.ask("/");
    expect(status).toBe(Number(document.status));
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(text)).toEqual(document);
  });

  test("with headers", async () => {
    const options: HttpErrorOptions = {
      headers: { "Retry-After": "30", "Content-Type": "text/plain" },
    };
    await using doors = await openDoors((app) =>
      app.get("/", () => {
        throw new HttpError(503, "busy", options);
      }),
    );
    const { headers } = await doors.ask("/");
    expect(headers["retry-after"]).toBe("30");
    expect(headers["content-type"]).toBe("application/problem+json");
  });

  test("whose extensions cannot be written is a 500", async () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const app = quietApp().get("/", () => {
      throw new HttpError(400, "x", { extensions: cycle });
    });
    expect((await app.request("/")).status).toBe(500);
  });

  test("whose headers are invalid is a 500 and not a crash", async () => {
    const app = quietApp().get("/", () => {
      throw new HttpError(400, "x", { headers: { "x-split": "a\r\nset-cookie: b" } });
    });
    const response = await app.request("/");
    expect(response.status).toBe(500);
    expect(response.headers.get("set-cookie")).toBeNull();
  });

  test.each([200, 302, 399, 600, 404.5, Number.NaN])("refuses the status %d", (status) => {
    expect(() => new HttpError(status)).toThrow(RangeError);
  });

  test("below 500 is no error of the server: nothing is logged", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger })
      .get("/400", () => {
        throw new HttpError(404);
      })
      .get("/500", () => {
        throw new HttpError(503, "busy", { cause: new Error("pool is empty") });
      });
    await app.request("/400");
    expect(logger.errors()).toBe("");
    await app.request("/500");
    expect(logger.errors()).toContain("GET /500");
    expect(logger.errors()).toContain("pool is empty");
  });
});

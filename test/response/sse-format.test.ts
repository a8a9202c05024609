/** How an event is written (WHATWG HTML §9.2.5), and what is refused because it would become a field of its own. */
import { describe, expect, test } from "bun:test";
import { jsonLines, sse } from "robyn";
import { formatEvent } from "../../src/response/sse.ts";

describe("an event is written as", () => {
  test.each([
    ["hello", "data: hello\n\n"],
    ["", "data: \n\n"],
    [" leading space", "data:  leading space\n\n"],
    [{ data: "x" }, "data: x\n\n"],
    [{ data: { a: [1, "ä"] } }, 'data: {"a":[1,"ä"]}\n\n'],
    [{ data: 7 }, "data: 7\n\n"],
    [{ data: null }, "data: null\n\n"],
    [{ data: "x", event: "tick", id: "7", retry: 0 }, "event: tick\nid: 7\nretry: 0\ndata: x\n\n"],
    [{ data: "x", id: "" }, "id: \ndata: x\n\n"],
  ])("%j", (value, text) => {
    expect(formatEvent(value)).toBe(text);
  });
});

describe("data is split at every line break that clients know", () => {
  test.each([
    ["a\nb", "data: a\ndata: b\n\n"],
    ["a\rb", "data: a\ndata: b\n\n"],
    ["a\r\nb", "data: a\ndata: b\n\n"],
    ["a\n\nevent: evil\ndata: b", "data: a\ndata: \ndata: event: evil\ndata: data: b\n\n"],
    ["a\n\r\r\nb", "data: a\ndata: \ndata: \ndata: b\n\n"],
    ["\r", "data: \ndata: \n\n"],
    ["a\u2028b", "data: a\u2028b\n\n"],
  ])("%j", (value, text) => {
    expect(formatEvent(value)).toBe(text);
    expect(formatEvent({ data: value })).toBe(text);
  });
});

describe("is refused", () => {
  const breaks = ["\r", "\n", "\r\n", "x\ndata: evil", "x\r\rdata: evil", "\0"];
  test.each(breaks)("event and id %j", (text) => {
    expect(() => formatEvent({ data: "x", event: text })).toThrow(
      /has the event .* without line breaks/,
    );
    expect(() => formatEvent({ data: "x", id: text })).toThrow(/has the id .* without line breaks/);
  });

  test.each([-1, 1.5, Number.NaN, Infinity, "1\ndata: evil", null])("retry %p", (retry) => {
    expect(() => formatEvent({ data: "x", retry })).toThrow(/has the retry/);
  });

  test.each([undefined, null, 7, {}, { event: "x" }, Symbol("x")])("the value %p", (value) => {
    expect(() => formatEvent(value)).toThrow(/it takes strings and \{ data \}/);
  });

  test.each([undefined, () => 1, Symbol("x")])("data %p, which has no JSON form", (data) => {
    expect(() => formatEvent({ data })).toThrow(/no JSON form/);
  });

  test.each([0, -1, Number.NaN, Infinity, 3_601, "1" as unknown as number])(
    "the heartbeat %p",
    (heartbeat) => {
      expect(() => sse([] as never, { heartbeat })).toThrow(RangeError);
    },
  );

  test("a source or an option that is none", () => {
    expect(() => sse(1 as never)).toThrow("sse() was given 1; it takes an iterable");
    expect(() => sse([] as never, { heartbeats: 1 } as never)).toThrow(
      'unknown option "heartbeats"',
    );
    expect(() => jsonLines(1 as never)).toThrow("jsonLines() was given 1; it takes an iterable");
    expect(() => jsonLines([], { typ: 1 } as never)).toThrow('unknown option "typ"');
  });
});

/** Origins and numbers of messages, on both cores: what is handed out again is known by them. */
import { describe, expect, test } from "bun:test";
import { cores } from "../support/cores.ts";

describe.each(cores.map((core) => [core.name, core] as const))("%s", (_, core) => {
  test("a message that is handed out again has the origin and number of the first time", () => {
    const port = core.openSegment({ descriptor: undefined, slot: 0 }).openChannel("events", 1_000);
    const messages = ["one", new Uint8Array([2, 0]), "", "four", "five"];
    for (const message of messages) port.send(message);
    expect(port.lease()).toBe(true);
    const letGo = () => {
      port.release();
      expect(port.lease()).toBe(true);
    };
    const first = port.takeNumbered(2);
    expect(first.map(({ message }) => message)).toEqual(messages.slice(0, 2));
    letGo();
    expect(port.takeNumbered(2)).toEqual(first);
    port.acknowledge();
    const second = port.takeNumbered(2);
    letGo();
    const all = [...first, ...port.takeNumbered(10)];
    expect(all.map(({ message }) => message)).toEqual(messages);
    expect(all.slice(2, 4)).toEqual(second);
    expect(new Set(all.map(({ origin }) => origin)).size).toBe(1);
    expect(all.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4]);
    port.acknowledge();
    // The list in which the portable core keeps them begins anew; the numbers do not.
    port.send("six");
    expect(port.takeNumbered(1)).toMatchObject([{ message: "six", number: 5 }]);
  });
});

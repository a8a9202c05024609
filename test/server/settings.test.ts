/** Where settings come from: flag > environment > argument of start() > default. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { StartOptions } from "robyn";
import { resolveSettings } from "../../src/server/settings.ts";
import { temporaryFolder } from "../support/folder.ts";
import { robyn, processTimeout_ms } from "../support/process.ts";
import { quietApp } from "../support/serve.ts";

setDefaultTimeout(processTimeout_ms);

describe("precedence", () => {
  const sources: [string, number, StartOptions, StartOptions, Record<string, string>][] = [
    ["a flag beats all", 1, { port: 3 }, { port: 1 }, { ROBYN_PORT: "2" }],
    ["the environment beats the argument", 2, { port: 3 }, {}, { ROBYN_PORT: "2" }],
    ["the argument beats the default", 3, { port: 3 }, {}, {}],
    ["the default is 8080", 8080, {}, {}, {}],
    ["an empty variable is none", 3, { port: 3 }, {}, { ROBYN_PORT: "" }],
    ["an undefined flag is none", 3, { port: 3 }, { port: undefined }, {}],
    ["a flag of 0 counts", 0, { port: 3 }, { port: 0 }, { ROBYN_PORT: "2" }],
  ];
  test.each(sources)("%s", (_, expected, argument, flags, environment) => {
    expect(resolveSettings(argument, flags, environment).port).toBe(expected);
  });

  test("holds in a real process", async () => {
    using folder = temporaryFolder({
      "app.ts": `import { Robyn } from "robyn";
        const running = await new Robyn().start({ host: "no-such-host.invalid", port: 1 });
        console.log("argument", running.hostname);`,
    });
    const env = { ROBYN_HOST: "localhost", ROBYN_PORT: "2" };
    const args = ["app.ts", "--port", "0"];
    await using child = robyn(args, { cwd: folder.path, env });
    expect((await child.prints(/argument (.*)/))[1]).toBe("localhost");
    expect(await child.port()).toBeGreaterThan(2);
  });

  test("a flag beats the host of the environment", async () => {
    using folder = temporaryFolder({
      "app.ts": 'import { Robyn } from "robyn"; export default new Robyn();',
    });
    const env = { ROBYN_HOST: "no-such-host.invalid" };
    const args = ["app.ts", "--port", "0", "--host", "127.0.0.1"];
    await using child = robyn(args, { cwd: folder.path, env });
    expect(await child.port()).toBeGreaterThan(0);
  });
});

describe("the environment", () => {
  test("sets every setting that it is documented for", () => {
    const settings = resolveSettings(
      {},
      {},
      {
        ROBYN_HOST: "::1",
        ROBYN_PORT: "1",
        ROBYN_MAX_PAYLOAD_SIZE: "2",
        ROBYN_KEEP_ALIVE_TIMEOUT: "3",
        ROBYN_SHUTDOWN_TIMEOUT: "4",
        ROBYN_LOG_LEVEL: "WARN",
      },
    );
    expect(settings).toMatchObject({
      host: "::1",
      port: 1,
      maxPayloadSize: 2,
      keepAliveTimeout: 3,
      shutdownTimeout: 4,
      logLevel: "warn",
    });
  });

  const bad: [name: string, value: string][] = [
    ["ROBYN_PORT", "http"],
    ["ROBYN_PORT", "-1"],
    ["ROBYN_PORT", "80.5"],
    ["ROBYN_PORT", "0x50"],
    ["ROBYN_PORT", "70000"],
    ["ROBYN_PORT", " 80"],
    ["ROBYN_KEEP_ALIVE_TIMEOUT", "0"],
    ["ROBYN_KEEP_ALIVE_TIMEOUT", "256"],
    ["ROBYN_SHUTDOWN_TIMEOUT", "soon"],
    ["ROBYN_LOG_LEVEL", "loud"],
    ["ROBYN_MAX_PAYLOAD_SIZE", "1MB"],
  ];
  test.each(bad)("%s=%s is refused by value", (name, value) => {
    const resolve = () => resolveSettings({}, {}, { [name]: value });
    expect(resolve).toThrow(value.trim());
    expect(resolve).toThrow("[ROBYN_OPTION_INVALID]");
  });

  test("with a bad value ends the process with one message and no server", async () => {
    using folder = temporaryFolder({
      "app.ts": 'import { Robyn } from "robyn"; export default new Robyn();',
    });
    await using child = robyn(["app.ts"], { cwd: folder.path, env: { ROBYN_PORT: "http" } });
    const { code, stdout, stderr } = await child.ended();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      'robyn: ROBYN_PORT is "http". It takes a whole number. [ROBYN_OPTION_INVALID]\n',
    );
  });
});

describe("arguments of start()", () => {
  test("that are unknown are refused by name, with the known ones", async () => {
    const options = { prot: 1 } as StartOptions;
    const error = await quietApp()
      .start(options)
      .catch((it) => it);
    expect(error.code).toBe("ROBYN_OPTION_INVALID");
    expect(error.message).toContain('"prot"');
    expect(error.message).toContain("host, port, maxPayloadSize");
  });

  test("do not hide behind names of the prototype", () => {
    expect(() => resolveSettings({ toString: 1 } as StartOptions, {}, {})).toThrow('"toString"');
  });

  const bad: [StartOptions, string][] = [
    [{ port: -1 }, "port is -1"],
    [{ port: 65_536 }, "port is 65536"],
    [{ port: 1.5 }, "port is 1.5"],
    [{ port: Number.NaN }, "port is"],
    [{ host: "" }, 'host is ""'],
    [{ keepAliveTimeout: 0 }, "keepAliveTimeout is 0"],
    [{ shutdownTimeout: -1 }, "shutdownTimeout is -1"],
    [{ maxPayloadSize: -1 }, "maxPayloadSize is -1"],
    [{ logLevel: "loud" as "info" }, 'logLevel is "loud"'],
  ];
  test.each(bad)("%j is refused", (options, message) => {
    expect(() => resolveSettings(options, {}, {})).toThrow(message);
  });
});

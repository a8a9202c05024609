/** Draining by a signal cuts nobody: connections that live get an answer that ends them, and only then are closed. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { temporaryFolder } from "../support/folder.ts";
import { hasZigCore } from "../support/native.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

const source = `import { existsSync } from "node:fs";
import { Robyn } from "robyn";
const app = new Robyn();
app.get("/", () => "plain");
app.get("/const", { const: true }, () => "const");
app.get("/cached", () => frozen);
const frozen = await fetch("data:text/plain,frozen");
app.get("/slow", async () => {
  console.log("slow begins");
  while (!existsSync("go")) await Bun.sleep(5);
  return "finished";
});
export default app;`;

const canDrainGently = process.platform === "linux" && hasZigCore;

describe.skipIf(!canDrainGently)("a server that drains", () => {
  test.each([
    ["/", "plain"],
    ["/const", "const"],
    ["/cached", "frozen"],
    ["/missing", "Not Found"],
  ])(
    "answers %s once more on a connection that was idle, and says that it was the last",
    async (path, text) => {
      using folder = temporaryFolder({ "app.ts": source });
      await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
      const port = await child.port();
      using client = await RawClient.connect(port);
      const before = await client.send(request("GET", "/")).next();
      expect(before.headers.connection).toBeUndefined();
      // Holds the server in its gentle phase for as long as the test takes.
      using slow = await RawClient.connect(port);
      slow.send(request("GET", "/slow"));
      await child.prints(/slow begins/);
      child.signal("SIGTERM");
      await child.prints(/draining/, "stderr");
      await until("the listener to be closed", () => isRefused(port));
      const last = await client.send(request("GET", path)).next();
      expect(last.text).toContain(text);
      expect(last.headers.connection).toBe("close");
      await client.closes();
      folder.write("go", "");
      expect((await slow.next()).text).toBe("finished");
      expect((await child.ended()).code).toBe(0);
    },
  );

  test("closes a connection that stays idle, although a request is still in flight", async () => {
    using folder = temporaryFolder({ "app.ts": source });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    const port = await child.port();
    using idle = await RawClient.connect(port);
    await idle.send(request("GET", "/")).next();
    using slow = await RawClient.connect(port);
    slow.send(request("GET", "/slow"));
    await child.prints(/slow begins/);
    child.signal("SIGTERM");
    await idle.closes();
    folder.write("go", "");
    expect((await slow.next()).text).toBe("finished");
    expect((await child.ended()).code).toBe(0);
  });

  test("without a connection ends at once", async () => {
    using folder = temporaryFolder({ "app.ts": source });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    await child.port();
    const signalledAt = performance.now();
    child.signal("SIGTERM");
    expect((await child.ended()).code).toBe(0);
    expect(performance.now() - signalledAt).toBeLessThan(400);
  });
});

async function isRefused(port: number): Promise<boolean> {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).catch(
    () => undefined,
  );
  socket?.terminate();
  return socket === undefined;
}

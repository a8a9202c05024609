/** What the primary hands to every worker beside the port: open descriptors and the numbers of its listeners. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { checkoutFolder } from "../support/folder.ts";
import { projectRoot } from "../support/native.ts";
import { bun, processTimeout_ms } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

test.skipIf(process.platform !== "linux")(
  "workers and their threads inherit descriptors, and have slots of their own",
  async () => {
    const src = JSON.stringify(join(projectRoot, "src"));
    using folder = checkoutFolder({
      "note.txt": "shared",
      "app.ts": `import { openSync, readFileSync } from "node:fs";
        const { currentSeat } = await import(${src} + "/server/seat.ts");
        const seat = currentSeat();
        if (seat === undefined) {
          const { startPrimary } = await import(${src} + "/cluster/start.ts");
          const { resolveSettings } = await import(${src} + "/server/settings.ts");
          const { silentLogger } = await import(${JSON.stringify(join(projectRoot, "test/support/log.ts"))});
          const settings = resolveSettings({ port: 0, processes: 2, workers: 2 }, {}, {});
          const descriptor = openSync("note.txt", "r");
          await startPrimary(settings, silentLogger, { descriptor, claimSlot() {}, releaseSlot() {} });
        } else {
          const { Robyn } = await import("robyn");
          const text = readFileSync("/proc/self/fd/" + seat.segment, "utf8");
          console.log("listener", seat.index, "slot", seat.slot, "of", seat.slots.join(), text);
          await new Robyn().get("/", () => "").start({ port: 0 });
        }`,
    });
    await using child = bun(["app.ts"], {
      cwd: folder.path,
      env: { XDG_RUNTIME_DIR: folder.path },
    });
    await child.port();
    const lines = child.stdout.split("\n").filter((line) => line.startsWith("listener"));
    expect(lines.toSorted()).toEqual([
      "listener 0 slot 0 of 0,1 shared",
      "listener 1 slot 1 of 0,1 shared",
      "listener 2 slot 2 of 2,3 shared",
      "listener 3 slot 3 of 2,3 shared",
    ]);
  },
);

/** Limits across real processes that share one segment. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { OwnedSegment } from "../../src/native/segment.ts";
import { segmentVariable, writeSegmentPlace } from "../../src/native/segment-place.ts";
import { processTimeout_ms } from "../support/process.ts";

setDefaultTimeout(2 * processTimeout_ms);

const isLinux = process.platform === "linux";

/** Begins once all are ready; returns what each printed. */
async function runWorkers(core: string, workers: number, count: number) {
  const segment = new OwnedSegment();
  const spawn = (slot: number) => {
    segment.claimSlot(slot);
    const file = join(import.meta.dir, "rate-limit-worker.ts");
    return Bun.spawn([process.execPath, file, core, String(count)], {
      stdio: ["pipe", "pipe", "pipe", segment.descriptor],
      env: { ...process.env, [segmentVariable]: writeSegmentPlace(3, slot) },
    });
  };
  const children = Array.from({ length: workers }, (_, slot) => spawn(slot));
  try {
    return await Promise.all(
      children.map(async (child) => {
        let stdout = "";
        const decoder = new TextDecoder();
        for await (const chunk of child.stdout as ReadableStream<Uint8Array>) {
          stdout += decoder.decode(chunk, { stream: true });
          if (stdout === "ready\n") {
            if (++ready === workers) for (const other of children) void other.stdin.end();
          }
        }
        const stderr = await new Response(child.stderr).text();
        return { passed: Number(/passed (\d+)/.exec(stdout)?.[1]), stderr };
      }),
    );
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    ready = 0;
  }
}

let ready = 0;

test.skipIf(!isLinux)(
  "of 100,000 requests to four processes against a limit of 1,000, exactly 1,000 pass",
  async () => {
    const results = await runWorkers("zig", 4, 25_000);
    expect(results.map(({ stderr }) => stderr)).toEqual(["", "", "", ""]);
    expect(results.reduce((sum, { passed }) => sum + passed, 0)).toBe(1_000);
    // Each of them was refused some: otherwise one had done all of it before the others began.
    for (const { passed } of results) expect(passed).toBeLessThan(1_000);
  },
);

test.skipIf(!isLinux)("the portable core counts alone, and says so once per process", async () => {
  const results = await runWorkers("portable", 2, 1_500);
  for (const { passed, stderr } of results) {
    expect(passed).toBe(1_000);
    expect(stderr.match(/shares nothing with the other processes/g)?.length).toBe(1);
  }
});

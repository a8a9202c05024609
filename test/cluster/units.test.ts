/** The parts of primary and listeners that decide without processes. */
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Leases } from "../../src/cluster/leases.ts";
import { settingsFor } from "../../src/cluster/platform.ts";
import { isToListener, isToPrimary } from "../../src/cluster/protocol.ts";
import { Recalls } from "../../src/cluster/recalls.ts";
import { RestartPolicy } from "../../src/cluster/restart-policy.ts";
import { Slots } from "../../src/cluster/slots.ts";
import { availableCpus } from "../../src/server/cpus.ts";
import { currentSeat, seatVariable } from "../../src/server/seat.ts";
import { parseSize, resolveSettings, wantsPrimary } from "../../src/server/settings.ts";
import { temporaryFolder } from "../support/folder.ts";
import { recordingLogger } from "../support/log.ts";
import { until, within } from "../support/wait.ts";

describe("the restart policy", () => {
  test("restarts at once, up to five deaths within ten seconds", () => {
    const policy = new RestartPolicy();
    const delays = [0, 1_000, 2_000, 3_000, 4_000].map((now) => policy.afterDeath(now));
    expect(delays).toEqual([0, 0, 0, 0, 0]);
  });

  test("then waits 250 ms, doubled up to 5 s", () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 12 }, (_, index) => policy.afterDeath(index));
    expect(delays).toEqual([0, 0, 0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test("a loop that is slowed down by its delays stays one", () => {
    const policy = new RestartPolicy();
    let now = 0;
    const delays: number[] = [];
    for (let death = 0; death < 20; death++) {
      delays.push(policy.afterDeath(now));
      now += delays.at(-1)! + 50;
    }
    expect(delays.slice(-5)).toEqual([5_000, 5_000, 5_000, 5_000, 5_000]);
  });

  test("forgets after ten seconds without a death", () => {
    const policy = new RestartPolicy();
    for (let now = 0; now < 8; now++) policy.afterDeath(now);
    expect(policy.afterDeath(10_007)).toBe(0);
    expect(policy.afterDeath(10_008)).toBe(0);
  });

  test("never waits for deaths that are rare", () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 100 }, (_, index) => policy.afterDeath(index * 2_001));
    expect(Math.max(...delays)).toBe(0);
  });
});

describe("slots", () => {
  test("are unique until they are given back, and the lowest are taken first", () => {
    const slots = new Slots(2);
    expect(slots.capacity).toBe(6);
    expect(slots.take(2)).toEqual([0, 1]);
    expect(slots.take(2)).toEqual([2, 3]);
    slots.give([1]);
    expect(slots.take(3)).toEqual([1, 4, 5]);
    expect(slots.take(1)).toBeUndefined();
  });

  test("are not taken in part", () => {
    const slots = new Slots(1);
    expect(slots.take(5)).toBeUndefined();
    expect(slots.take(4)).toEqual([0, 1, 2, 3]);
  });
});

describe("leases", () => {
  const leases = () => {
    const grants: string[] = [];
    return { leases: new Leases((slot, name) => void grants.push(`${name}:${slot}`)), grants };
  };

  test("belong to the first, and to the next when it ends", () => {
    const { leases: it, grants } = leases();
    for (const slot of [1, 2, 3]) it.claim("a", { slot, generation: 0 });
    expect(grants).toEqual(["a:1"]);
    it.forget(1);
    expect(grants).toEqual(["a:1", "a:2"]);
  });

  test("are released by their holder alone", () => {
    const { leases: it, grants } = leases();
    for (const slot of [1, 2]) it.claim("a", { slot, generation: 0 });
    it.release("a", 2);
    it.release("b", 1);
    expect(grants).toEqual(["a:1"]);
    it.release("a", 1);
    expect(grants).toEqual(["a:1", "a:2"]);
  });

  test("stay with one that drains until it has let go, and it gets no other", () => {
    const { leases: it, grants } = leases();
    it.claim("a", { slot: 1, generation: 0 });
    it.claim("b", { slot: 2, generation: 0 });
    it.claim("b", { slot: 1, generation: 0 });
    it.claim("a", { slot: 2, generation: 0 });
    it.retire(1);
    it.forget(2);
    expect(grants).toEqual(["a:1", "b:2"]);
    it.release("a", 1);
    expect(grants).toEqual(["a:1", "b:2"]);
  });

  test("go to the newest code first", () => {
    const { leases: it, grants } = leases();
    it.claim("a", { slot: 0, generation: 0 });
    it.claim("a", { slot: 1, generation: 0 });
    it.claim("a", { slot: 2, generation: 1 });
    it.release("a", 0);
    expect(grants).toEqual(["a:0", "a:2"]);
  });
});

describe("messages", () => {
  test("of the grammar are taken, of an application are not", () => {
    expect(isToPrimary({ robyn: "beat", slot: 1, pending: 0 })).toBe(true);
    expect(isToListener({ robyn: "drain", slot: 1 })).toBe(true);
    const foreign = [
      null,
      "beat",
      {},
      { robyn: "beat" },
      { robyn: "beat", slot: "1", pending: 0 },
      { robyn: "toString", slot: 1 },
      { robyn: "drain", slot: 1 },
      { type: "beat", slot: 1, pending: 0 },
    ];
    expect(foreign.filter(isToPrimary)).toEqual([]);
  });
});

describe("the seat", () => {
  test("is taken out of the environment, and nothing that is none is taken for one", () => {
    process.env[seatVariable] = '{"index":"0"}';
    expect(currentSeat()).toBeUndefined();
    expect(process.env[seatVariable]).toBeUndefined();
    process.env[seatVariable] = "{";
    expect(currentSeat()).toBeUndefined();
  });
});

describe("the processors of a container", () => {
  const machine = (files: Record<string, string>, affinity = 8) => {
    const folder = temporaryFolder(files);
    mkdirSync(join(folder.path, "proc"), { recursive: true });
    return { root: folder.path, affinity, [Symbol.dispose]: () => folder[Symbol.dispose]() };
  };
  const rows: [what: string, files: Record<string, string>, expected: number][] = [
    ["without control groups: the affinity", {}, 8],
    [
      "v2 without a limit",
      { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n" },
      8,
    ],
    ["v2: two", { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n" }, 2],
    [
      "v2: one and a half is two",
      { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n" },
      2,
    ],
    [
      "v2: a tenth is one",
      { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "10000 100000\n" },
      1,
    ],
    [
      "v2: the group above grants less",
      {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
      },
      3,
    ],
    [
      "v2: a path of the host, which leads nowhere here",
      { "proc/self/cgroup": "0::/../../docker/x\n", "sys/fs/cgroup/cpu.max": "200000 100000\n" },
      2,
    ],
    [
      "v1",
      {
        "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/x\n",
        "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "250000\n",
        "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
      },
      3,
    ],
    [
      "v1 without a limit",
      {
        "proc/self/cgroup": "3:cpu,cpuacct:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      },
      8,
    ],
    ["a damaged file", { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "x y\n" }, 8],
  ];
  test.each(rows)("%s", (_, files, expected) => {
    using it = machine(files);
    expect(availableCpus(it)).toBe(expected);
  });

  test("more than the affinity is not there", () => {
    using it = machine(
      { "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "900000 100000\n" },
      2,
    );
    expect(availableCpus(it)).toBe(2);
  });

  test("fast means that number, unless a number is given beside it", () => {
    const cpus = availableCpus();
    expect(resolveSettings({ fast: true }, {}, {}).processes).toBe(cpus);
    expect(resolveSettings({ fast: true, processes: 7 }, {}, {}).processes).toBe(7);
    expect(resolveSettings({ processes: 7 }, { fast: true }, {}).processes).toBe(cpus);
    expect(resolveSettings({ fast: true }, { processes: 7 }, {}).processes).toBe(7);
    expect(resolveSettings({}, {}, { ROBYN_FAST: "1" }).processes).toBe(cpus);
    expect(resolveSettings({}, {}, { ROBYN_FAST: "0" }).processes).toBe(1);
  });
});

describe("settings of a cluster", () => {
  test("come from the environment, too", () => {
    const environment = {
      ROBYN_PROCESSES: "4",
      ROBYN_WORKERS: "2",
      ROBYN_MAX_REQUESTS: "1000",
      ROBYN_MAX_RSS: "512m",
    };
    expect(resolveSettings({}, {}, environment)).toMatchObject({
      processes: 4,
      workers: 2,
      maxRequests: 1_000,
      maxRss: 536_870_912,
    });
  });

  test("with which one process serves need no primary", () => {
    expect(wantsPrimary(resolveSettings({}, {}, {}))).toBe(false);
    for (const options of [{ processes: 2 }, { workers: 2 }, { maxRequests: 1 }, { maxRss: 1 }])
      expect(wantsPrimary(resolveSettings(options, {}, {}))).toBe(true);
  });

  test.each([
    { processes: 0 },
    { processes: 257 },
    { workers: 0 },
    { workers: 65 },
    { maxRss: -1 },
  ])("%j is refused", (options) => {
    expect(() => resolveSettings(options, {}, {})).toThrow("[ROBYN_OPTION_INVALID]");
  });

  test("sizes have units", () => {
    const sizes = ["10", "1k", "2M", "1g", "1.5g", "m", "-1", "1mb"].map(parseSize);
    const expected = [10, 1_024, 2_097_152, 1_073_741_824];
    expect(sizes).toEqual([...expected, undefined, undefined, undefined, undefined]);
  });

  test.each(["darwin", "win32"] as const)("on %s are said to be ignored, once", (platform) => {
    const logger = recordingLogger();
    const { records } = logger;
    const settings = resolveSettings({ processes: 4, workers: 2, maxRss: 1 }, {}, {});
    expect(wantsPrimary(settingsFor(platform, settings, logger))).toBe(false);
    expect(records.map(({ level, message }) => `${level} ${message}`)).toEqual([
      expect.stringContaining(
        `warn ${platform} cannot share a port between processes: one process`,
      ),
    ]);
    settingsFor(platform, resolveSettings({}, {}, {}), logger);
    expect(records).toHaveLength(1);
    expect(settingsFor("linux", settings, logger)).toBe(settings);
  });
});

describe("what others have kept", () => {
  function scene(isThere: (slot: number) => boolean = () => true) {
    const asked: string[] = [];
    const recalls = new Recalls((slot, topic) => {
      if (isThere(slot)) asked.push(`${slot} ${topic}`);
      return isThere(slot);
    });
    const asks = (...expected: string[]) =>
      until(
        () => `${expected} to be asked for, not ${asked}`,
        () => Bun.deepEquals(asked, expected),
      );
    return { recalls, asks };
  }

  test("is asked for one after the other", async () => {
    const { recalls, asks } = scene();
    recalls.add(1, ["a", "b"]);
    recalls.add(2, ["c"]);
    expect(recalls.answered(1, "a")).toBe(false);
    await asks("1 a");
    expect(recalls.answered(1, "b")).toBe(false);
    expect(recalls.answered(2, "a")).toBe(false);
    expect(recalls.answered(1, "a")).toBe(true);
    await asks("1 a", "1 b");
    let isIdle = false;
    void recalls.idle.then(() => (isIdle = true));
    expect(recalls.answered(1, "b")).toBe(true);
    await asks("1 a", "1 b", "2 c");
    expect(isIdle).toBe(false);
    expect(recalls.answered(2, "c")).toBe(true);
    expect(recalls.answered(2, "c")).toBe(false);
    await within("the end", recalls.idle);
    recalls.add(3, ["d"]);
    await asks("1 a", "1 b", "2 c", "3 d");
  });

  test("is not waited for where its owner is gone", async () => {
    const { recalls, asks } = scene((slot) => slot !== 2);
    recalls.add(1, ["a", "b"]);
    recalls.add(2, ["c"]);
    recalls.add(3, ["d"]);
    await asks("1 a");
    recalls.forget(1);
    await asks("1 a", "3 d");
    recalls.forget(3);
    await within("the end", recalls.idle);
    recalls.add(2, ["c"]);
    await within("the end again", recalls.idle);
    recalls.add(1, ["a"]);
    recalls.forget(1);
    await within("the end of nothing", recalls.idle);
  });
});

/** Inside of the network namespace of Redis and of the clients: `cuts-inside.ts <count>`; prints a report as JSON. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { projectRoot } from "../support/native.ts";
import { RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { percentile, type Report } from "./report.ts";

const patience_ms = 20_000;
const port = 8080;
const said_each = 20;

const source = `import { appendFileSync } from "node:fs";
import { Robyn } from "robyn";
import { redis } from "robyn/redis";
const app = new Robyn({ adapter: redis(process.env.REDIS_URL, { heartbeat: 200, timeout: 500 }) });
app.websocket("/room", { origin: "*", open: (socket) => { socket.subscribe("room"); socket.send("welcome"); } });
const words = app.channel("words");
words.consume((batch) => appendFileSync(process.env.HANDLED, batch.join("\\n") + "\\n"));
app.post("/say", async ({ text }) => {
  const word = await text();
  app.publish("room", word);
  await words.send(word);
  return null;
});
app.get("/members", () => String(app.presence("room").count));
export default app;`;

interface City extends AsyncDisposable {
  readonly name: string;
  /** What its visitor has heard. */
  readonly heard: string[];
  say(text: string): Promise<void>;
  /** Whether all of its processes see so many. */
  sees(members: number): Promise<boolean>;
  /** Its cable to Redis, not the one to its clients. */
  cable(state: "up" | "down"): void;
}

run("ip", "link", "set", "lo", "up");
const report = await scenario(Number(process.argv[2] ?? 1));
console.log(`\n${JSON.stringify(report)}`);
process.exit(0);

async function scenario(rounds: number): Promise<Report> {
  await using server = await RedisServer.start("0.0.0.0");
  using folder = temporaryFolder({ handled: "" });
  const file = join(folder.path, "handled");
  await using here = await startCity(1, server.port, file);
  await using away = await startCity(2, server.port, file);
  const cities = [here, away];
  /** What came through the channel, of both, to whoever consumed it. */
  const handled = () => readFileSync(file, "utf8").split("\n").slice(0, -1);
  const joined = async () => (await here.sees(2)) && (await away.sees(2));
  /** Of each city: what everybody must have heard, and what it alone must have. */
  const shared: string[] = [];
  const apart: string[] = [];
  const healed_ms: number[] = [];
  let number = 0;
  const say = async (list: string[]) => {
    for (let n = 0; n < said_each; n++) {
      number++;
      for (const city of cities) {
        const text = `${city.name} ${number}`;
        list.push(text);
        await city.say(text);
      }
    }
  };
  await until("both to be joined", joined, patience_ms);
  for (let round = 0; round < rounds; round++) {
    await say(shared);
    await until("what was said", () => cities.every(({ heard }) => lacking(heard, shared) === 0));
    away.cable("down");
    await say(apart);
    await until(
      "each to be alone",
      async () => (await here.sees(1)) && (await away.sees(1)),
      patience_ms,
    );
    await say(apart);
    away.cable("up");
    const began = performance.now();
    await until("both to be joined again", joined, patience_ms);
    healed_ms.push(performance.now() - began);
  }
  await say(shared);
  await until("the last words", () => cities.every(({ heard }) => heard.includes(shared.at(-1)!)));
  const said = [...shared, ...apart];
  await until(
    () => `what was sent into the channel, ${lacking(handled(), said)} are missing`,
    () => lacking(handled(), said) === 0,
    patience_ms,
  );
  const firsts = [...new Set(handled())];
  return {
    name: `${rounds} times the cable between two clusters cut and healed`,
    failures: [
      ...fault("the channel has brought out of order", disordered(firsts)),
      ...fault("the channel has invented", firsts.length - said.length),
      ...cities.flatMap(({ name, heard }) => {
        const own = [...shared, ...apart].filter((text) => text.startsWith(name));
        return [
          ...fault(`${name} has lost`, lacking(heard, [...shared, ...own])),
          ...fault(`${name} has heard twice`, heard.length - new Set(heard).size),
          ...fault(`${name} has heard too late`, disordered(heard)),
        ];
      }),
    ],
    figures: {
      "said to both, connected": shared.length,
      "said while cut": apart.length,
      "of these heard by the other all the same": cities
        .flatMap(({ name, heard }) => heard.filter((text) => !text.startsWith(name)))
        .filter((text) => apart.includes(text)).length,
      "sent into a channel, none lost": said.length,
      "of these handled again, because they could not be acknowledged":
        handled().length - firsts.length,
      "milliseconds until joined again, median": percentile(healed_ms, 0.5),
      "at most": percentile(healed_ms, 1),
    },
  };
}

async function startCity(index: number, redisPort: number, handled: string): Promise<City> {
  const folder = temporaryFolder({ "app.ts": source });
  const [control, redis] = [`10.77.${index}`, `10.78.${index}`];
  const command = [process.execPath, join(projectRoot, "bin", "robyn.ts"), "app.ts"];
  const flags = ["--host", "0.0.0.0", "--port", String(port), "--processes", "2"];
  const wait = 'ip link set lo up; read -r _; exec "$@"';
  const child = Bun.spawn(["unshare", "-n", "sh", "-c", wait, "sh", ...command, ...flags], {
    cwd: folder.path,
    env: {
      ...process.env,
      XDG_RUNTIME_DIR: folder.path,
      REDIS_URL: `redis://${redis}.1:${redisPort}`,
      HANDLED: handled,
    },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  // Before that it is in this namespace still.
  await until("a namespace of its own", () => namespaceOf(child.pid) !== namespaceOf(process.pid));
  for (const [kind, network] of [
    ["c", control],
    ["r", redis],
  ] as const) {
    const [near, far] = [`${kind}${index}`, `${kind}${index}far`];
    run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", String(child.pid));
    run("ip", "address", "add", `${network}.1/24`, "dev", near);
    run("ip", "link", "set", near, "up");
    const there = ["nsenter", "-t", String(child.pid), "-n", "ip"];
    run(...there, "address", "add", `${network}.2/24`, "dev", far);
    run(...there, "link", "set", far, "up");
  }
  child.stdin.write("\n");
  child.stdin.end();
  const url = (path: string) => `http://${control}.2:${port}${path}`;
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url(path), { ...init, keepalive: false });
  const isServing = () =>
    ask("/members").then(
      ({ ok }) => ok,
      () => false,
    );
  await until("it to serve", async () => (await isServing()) || undefined, patience_ms);
  const heard: string[] = [];
  const socket = new WebSocket(url("/room").replace("http", "ws"));
  socket.onmessage = ({ data }) => void heard.push(String(data));
  await until("a welcome", () => heard.shift() === "welcome");
  return {
    name: `city ${index}`,
    heard,
    // On one connection, so to one process: order is promised per publisher.
    say: async (body) => void (await fetch(url("/say"), { method: "POST", body })),
    async sees(members) {
      for (let n = 0; n < 8; n++)
        if ((await (await ask("/members")).text()) !== String(members)) return false;
      return true;
    },
    cable: (state) => run("ip", "link", "set", `r${index}`, state),
    async [Symbol.asyncDispose]() {
      socket.terminate();
      child.kill("SIGTERM");
      await child.exited;
      folder[Symbol.dispose]();
    },
  };
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

function namespaceOf(pid: number): string {
  return Bun.spawnSync(["readlink", `/proc/${pid}/ns/net`]).stdout.toString();
}

function lacking(heard: readonly string[], expected: readonly string[]): number {
  const known = new Set(heard);
  return expected.filter((text) => !known.has(text)).length;
}

/** Of each city, messages behind one that was said later. */
function disordered(heard: readonly string[]): number {
  const last = new Map<string, number>();
  let count = 0;
  for (const text of heard) {
    const [, name = "", number = "0"] = /^(.*) (\d+)$/.exec(text) ?? [];
    if (Number(number) < (last.get(name) ?? 0)) count++;
    last.set(name, Math.max(Number(number), last.get(name) ?? 0));
  }
  return count;
}

function fault(what: string, count: number): string[] {
  return count === 0 ? [] : [`${what} ${count}`];
}

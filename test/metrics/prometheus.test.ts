/** A real Prometheus scrapes example 12: what it then knows is what the server counted. Debian: `apt-get install prometheus`. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readExposition, sumOf } from "../support/exposition.ts";
import { temporaryFolder } from "../support/folder.ts";
import { projectRoot } from "../support/native.ts";
import { Child, processTimeout_ms, robyn } from "../support/process.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms * 2);

const prometheus = Bun.which("prometheus");
const promtool = Bun.which("promtool");
if (prometheus === null || promtool === null)
  console.log("prometheus is not installed: the tests against it are skipped");
const example = join(projectRoot, "examples", "12-metrics");

test.skipIf(promtool === null)(
  "promtool finds no fault with the configuration and the rules",
  () => {
    const { exitCode, stderr, stdout } = Bun.spawnSync([
      promtool!,
      "check",
      "config",
      join(example, "prometheus.yml"),
    ]);
    expect({ exitCode, output: `${stdout}${stderr}` }).toEqual({
      exitCode: 0,
      output: expect.stringContaining("SUCCESS"),
    });
  },
);

test.skipIf(promtool === null)("promtool finds no fault with the metrics", async () => {
  await using server = robyn([join(example, "app.ts"), "--port", "0"]);
  const origin = `http://127.0.0.1:${await server.port()}`;
  await trade(origin);
  const text = await (await fetch(`${origin}/metrics`)).text();
  const { exitCode, stderr, stdout } = Bun.spawnSync([promtool!, "check", "metrics"], {
    stdin: Buffer.from(text),
  });
  expect({ exitCode, output: `${stdout}${stderr}` }).toEqual({ exitCode: 0, output: "" });
});

test.skipIf(prometheus === null)(
  "Prometheus has the values of the server, and answers every question of the dashboard",
  async () => {
    const processes = process.platform === "linux" ? "2" : "1";
    const args = [join(example, "app.ts"), "--port", "0", "--processes", processes];
    await using server = robyn(args);
    const port = await server.port();
    const origin = `http://127.0.0.1:${port}`;
    await trade(origin);
    const config = readFileSync(join(example, "prometheus.yml"), "utf8")
      .replace("127.0.0.1:8080", `127.0.0.1:${port}`)
      .replaceAll("5s", "200ms");
    const rules = readFileSync(join(example, "rules.yml"), "utf8");
    using folder = temporaryFolder({ "prometheus.yml": config, "rules.yml": rules });
    await using child = new Child([
      prometheus!,
      `--config.file=${join(folder.path, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder.path, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      "--log.format=json",
      "--log.level=info",
    ]);
    const api = `http://${(await child.prints(/"address":"(127\.0\.0\.1:[1-9]\d*)"/, "stderr"))[1]}`;
    await until("Prometheus to be ready", async () => (await fetch(`${api}/-/ready`)).ok, 20_000);
    await until(
      "a scrape",
      async () => (await ask(api, 'up{job="robyn"}'))?.[0]?.value === 1,
      20_000,
    );

    await until(
      "the last order",
      async () => (await sum(api, "sum(shop_orders_total)")) === 30,
      20_000,
    );
    expect(await sum(api, 'shop_orders_total{country="de"}')).toBe(20);
    expect(await sum(api, "shop_open_orders")).toBe(25);
    expect(await sum(api, "shop_order_value_euros_sum")).toBe(30 * 48);
    expect(await sum(api, 'shop_order_value_euros_bucket{le="48.0"}')).toBe(30);
    expect(await sum(api, 'shop_order_value_euros_bucket{le="32.0"}')).toBe(0);
    expect(await sum(api, 'http_server_requests_total{route="/orders",status="422"}')).toBe(1);
    expect(await sum(api, 'http_server_requests_total{route="<no route>",status="404"}')).toBe(1);
    // Everything that does not change by being looked at is equal, series by series.
    const own = readExposition(await (await fetch(`${origin}/metrics`)).text(), "prometheus");
    const others = own.flatMap(({ type, samples }) =>
      samples.filter(
        ({ name, labels }) => type !== "gauge" && !/lag/.test(name) && labels.route !== "/metrics",
      ),
    );
    expect(others.length).toBeGreaterThan(50);
    for (const { name, labels, value } of others) {
      const selector = Object.entries(labels).map(
        ([label, it]) => `${label}=${JSON.stringify(it)}`,
      );
      expect({ name, labels, value: await sum(api, `${name}{${selector.join(",")}}`) }).toEqual({
        name,
        labels,
        value,
      });
    }
    for (const question of questionsOf(join(example, "dashboard.json"))) {
      const answer = await ask(api, question);
      if (answer === undefined) throw new Error(`Prometheus does not understand: ${question}`);
    }
    expect(sumOf(own, "robyn_listeners")).toBe(await sum(api, "robyn_listeners"));
    child.signal("SIGTERM");
    await child.ended();
  },
);

/** 30 orders, 5 shipments, one order that is refused, one path that does not exist. */
async function trade(origin: string): Promise<void> {
  const send = async (path: string, body?: object) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { "content-type": "application/json" };
    return (await fetch(origin + path, { method: "POST", headers, ...init })).status;
  };
  for (let n = 0; n < 30; n++)
    expect(await send("/orders", { country: n % 3 === 0 ? "fr" : "de", euros: 48 })).toBe(201);
  for (let n = 0; n < 5; n++) expect(await send("/shipments", {})).toBe(201);
  expect(await send("/orders", { country: "xx", euros: 1 })).toBe(422);
  expect((await fetch(`${origin}/nowhere`)).status).toBe(404);
  await (await fetch(`${origin}/products/7`)).text();
}

interface Answer {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @returns undefined where Prometheus refuses the question. */
async function ask(api: string, query: string): Promise<Answer[] | undefined> {
  const response = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { status, data } = (await response.json()) as {
    status: string;
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  if (status !== "success") return undefined;
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

async function sum(api: string, query: string): Promise<number> {
  return (await ask(api, query))?.reduce((all, { value }) => all + value, 0) ?? NaN;
}

function questionsOf(file: string): string[] {
  const { panels } = JSON.parse(readFileSync(file, "utf8")) as {
    panels: { targets: { expr: string }[] }[];
  };
  const questions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(questions.length).toBeGreaterThan(10);
  return questions;
}

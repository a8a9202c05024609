/** The snippets of docs/deployment.md that can be tried here: nginx, the systemd unit, and what parses. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Clients } from "../support/clients.ts";
import { clusterSource, startCluster } from "../support/cluster.ts";
import { temporaryFolder } from "../support/folder.ts";
import { projectRoot } from "../support/native.ts";
import { Child, processTimeout_ms } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

function snippet(language: string): string {
  const text = readFileSync(join(projectRoot, "docs", "deployment.md"), "utf8");
  const found = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(text)?.[1];
  if (found === undefined) throw new Error(`docs/deployment.md has no ${language} snippet`);
  return found;
}

const nginx = ["/usr/sbin/nginx", Bun.which("nginx") ?? ""].find((path) => Bun.which(path));

describe.skipIf(nginx === undefined || process.platform !== "linux")("nginx in front", () => {
  test("passes on client address, streams and requests, also while the cluster reloads", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      clusterSource(
        "one",
        `app.get("/address", ({ ipAddr }) => ipAddr);
         app.get("/limited", { rateLimit: { limit: 3, window: 3_600 } }, () => "in");`,
      ).replace("new Robyn()", 'new Robyn({ trustedProxies: ["loopback"] })'),
    );
    using folder = temporaryFolder();
    const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const port = probe.port;
    probe.stop(true);
    const site = snippet("nginx")
      .replace("listen 80;", `listen 127.0.0.1:${port};`)
      .replace("127.0.0.1:8080", `127.0.0.1:${cluster.port}`);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder.path}/${name};`,
    );
    // One process: workers of a master that is killed would stay.
    const file = folder.write(
      "nginx.conf",
      `daemon off; master_process off; pid ${folder.path}/pid; error_log stderr;
       events {} http { access_log off; ${temporary.join(" ")} ${site} }`,
    );
    await using server = new Child([nginx!, "-c", file, "-e", "stderr"], { cwd: folder.path });
    await until("nginx", () => fetch(`http://127.0.0.1:${port}/livez`).catch(() => undefined));
    const headers = { "x-forwarded-for": "203.0.113.7" };
    const address = await fetch(`http://127.0.0.1:${port}/address`, { headers });
    // The client is on this machine as well, hence a trusted hop that may name another before it.
    expect(await address.text()).toBe("203.0.113.7");

    // Clients have quotas of their own behind the proxy, in both processes together; a network is one client.
    const statuses = async (...clients: string[]) => {
      const seen: number[] = [];
      for (const client of clients) {
        const init = { headers: { "x-forwarded-for": client }, keepalive: false };
        seen.push((await fetch(`http://127.0.0.1:${port}/limited`, init)).status);
      }
      return seen;
    };
    const seven = new Array<string>(5).fill("203.0.113.7");
    expect(await statuses(...seven)).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses("203.0.113.8", "203.0.113.7")).toEqual([200, 429]);
    const network = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"];
    expect(await statuses(...network, "2001:db8:0:1::1")).toEqual([200, 200, 200, 429, 200]);
    // What a client claims to be is before what nginx adds, and nobody looks so far.
    expect(await statuses("198.51.100.1, 203.0.113.7")).toEqual([429]);

    using stream = await RawClient.connect(port);
    stream.send(request("GET", "/events"));
    await stream.sees(/data: hello/);

    using clients = Clients.start({ port, keepAlive: 4, fresh: 0, perSecond: 400 });
    for (const round of [1, 2]) {
      cluster.child.signal("SIGHUP");
      await cluster.child.prints(new RegExp(`reload ${round}: done`), "stderr");
    }
    const { answered, failures } = await clients.stop();
    expect(answered).toBeGreaterThan(20);
    expect(failures).toEqual([]);
    server.signal("SIGTERM");
  });
});

test.skipIf(Bun.which("systemd-analyze") === null)("the systemd unit is one", () => {
  using folder = temporaryFolder();
  const file = folder.write(
    "app.service",
    snippet("ini")
      .replaceAll("/usr/local/bin/bun", process.execPath)
      .replace("/srv/app", folder.path),
  );
  const { stdout, stderr } = Bun.spawnSync(["systemd-analyze", "verify", "--man=no", file]);
  const complaints = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => line.includes("app.service"));
  expect(complaints).toEqual([]);
});

test("the Kubernetes manifest parses, and its probes ask the routes of app.health()", () => {
  const manifest = JSON.stringify(Bun.YAML.parse(snippet("yaml")));
  expect(manifest).toContain('"livenessProbe":{"httpGet":{"path":"/livez","port":"http"}');
  expect(manifest).toContain('"readinessProbe":{"httpGet":{"path":"/readyz","port":"http"}');
});

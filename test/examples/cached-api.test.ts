/** Example 11, run as its first comment says: in a cluster, and in one process. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { readExposition, sumOf } from "../support/exposition.ts";
import { temporaryFolder } from "../support/folder.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

const counts = process.platform === "linux" ? [1, 2] : [1];

test.each(counts)(
  "11 in %d processes asks its source once, until what an answer shows is changed",
  async (processes) => {
    using folder = temporaryFolder();
    const env = {
      DATABASE: join(folder.path, "products.sqlite"),
      XDG_RUNTIME_DIR: folder.path,
    };
    const args = ["examples/11-cached-api/app.ts", "--port", "0", "--processes", `${processes}`];
    await using child = robyn(args, { env });
    const url = `http://127.0.0.1:${await child.port()}`;
    // A connection of its own each time: the kernel chooses the process per connection.
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(url + path, { ...init, keepalive: false });
    const asked = async () => {
      const text = await (await ask("/metrics")).text();
      return sumOf(readExposition(text, "prometheus"), "source_queries_total");
    };
    const put = (path: string, price: number) =>
      ask(path, {
        method: "PUT",
        body: JSON.stringify({ price }),
        headers: { "content-type": "application/json" },
      });

    const first = await Promise.all(
      Array.from({ length: 8 }, (_, index) => ask(`/products?utm=${index}`)),
    );
    for (const response of first) expect(await response.json()).toHaveLength(2);
    const hit = await ask("/products?page=1");
    expect(hit.headers.get("cache-status")).toStartWith("robyn; hit");
    expect(await (await ask("/products/1")).json()).toMatchObject({ price: 9 });
    expect(await asked()).toBe(2);

    for (const price of [11, 12, 13]) {
      expect((await put("/products/1/price", price)).status).toBe(200);
      for (let round = 0; round < 4; round++) {
        expect(await (await ask("/products/1")).json()).toMatchObject({ price });
        expect(await (await ask("/products")).json()).toContainEqual({
          id: 1,
          name: "Espresso cup",
          price,
        });
      }
    }
    expect(await asked()).toBe(8);
    expect(await (await ask("/stats")).json()).toMatchObject({ stored: 8, invalidations: 3 });

    for (let round = 0; round < 2; round++) expect((await ask("/products/7")).status).toBe(404);
    expect(await asked()).toBe(9);

    const missing = await put("/products/7/price", 1);
    expect([missing.status, missing.headers.get("ratelimit")]).toEqual([
      404,
      expect.stringContaining('"changes";r=1;'),
    ]);
    expect((await put("/products/2/price", 1)).status).toBe(200);
    const refused = await put("/products/2/price", 2);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await (await ask("/products/2")).json()).toMatchObject({ price: 1 });

    const rest = await Promise.all(Array.from({ length: 100 }, () => ask("/products")));
    const statuses = rest.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
  },
);

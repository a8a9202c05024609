/** Example 10, run as its first comment says; and opened in a browser, where one is installed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chromium, Page } from "../support/chromium.ts";
import { type Child, processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(2 * processTimeout_ms);

if (chromium === null)
  console.warn('example 10 is not opened in a browser: there is no "chromium" in PATH');

async function start(): Promise<{ child: Child; url: string }> {
  const child = robyn(["examples/10-static-site/app.ts", "--port", "0"]);
  return { child, url: `http://127.0.0.1:${await child.port()}` };
}

test("10 serves files, browser routes and an API below one prefix", async () => {
  const { child, url } = await start();
  await using _ = child;
  const navigation = { headers: { accept: "text/html" } };

  const index = await fetch(url, navigation);
  expect(index.headers.get("cache-control")).toBe("no-cache");
  const page = await index.text();
  expect(page).toContain('<main id="view">');
  for (const asset of page.matchAll(/"(\/assets\/[^"]+)"/g)) {
    const answer = await fetch(url + asset[1]);
    expect([asset[1], answer.status]).toEqual([asset[1], 200]);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  }
  expect(await (await fetch(`${url}/cities/berlin`, navigation)).text()).toBe(page);
  expect(await (await fetch(`${url}/api/cities/berlin`, navigation)).json()).toEqual({
    name: "Berlin",
    inhabitants: 3_700_000,
  });
  expect((await fetch(`${url}/api/cities/atlantis`)).status).toBe(404);
  expect((await fetch(`${url}/api/nothing`)).status).toBe(404);
  expect((await fetch(`${url}/assets/missing.js`, navigation)).status).toBe(404);
  expect((await fetch(`${url}/../app.ts`)).status).toBe(404);
  expect((await fetch(url, { method: "POST" })).status).toBe(405);
  const report = await fetch(`${url}/api/report`, { headers: { range: "bytes=0-1" } });
  expect([report.status, await report.text()]).toEqual([206, "id"]);
  expect(report.headers.get("content-disposition")).toContain("filename*=UTF-8''St%C3%A4dte.csv");
});

test.skipIf(chromium === null)(
  "10 runs in a headless Chromium, at a browser route too",
  async () => {
    const { child, url } = await start();
    await using _ = child;
    const shows = async (path: string, pattern: RegExp) => {
      await using page = await Page.open(`${url}${path}`);
      await page.shows(pattern);
    };
    await shows("", /<h1>Cities<\/h1><a href="\/cities\/berlin">Berlin<\/a>/);
    await shows("/cities/torino", /<h1>Torino<\/h1>850000 inhabitants/);
    await shows("/cities/atlantis", /<h1>Not found<\/h1>/);
  },
);

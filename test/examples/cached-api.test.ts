/** Example 11, run as its first comment says. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

test("11 asks its source once, until what an answer shows is changed", async () => {
  await using child = robyn(["examples/11-cached-api/app.ts", "--port", "0"]);
  const url = `http://127.0.0.1:${await child.port()}`;
  const stats = async () => (await fetch(`${url}/stats`)).json();

  const first = await Promise.all(
    Array.from({ length: 8 }, (_, index) => fetch(`${url}/products?utm=${index}`)),
  );
  for (const response of first) expect(await response.json()).toHaveLength(2);
  expect((await fetch(`${url}/products?page=1`)).headers.get("cache-status")).toStartWith(
    "robyn; hit",
  );
  expect(await (await fetch(`${url}/products/1`)).json()).toMatchObject({ price: 9 });
  expect(await stats()).toMatchObject({ asked: 2, stored: 2 });

  const body = JSON.stringify({ price: 11 });
  const headers = { "content-type": "application/json" };
  const changed = await fetch(`${url}/products/1/price`, { method: "PUT", body, headers });
  expect(changed.status).toBe(200);
  expect(await (await fetch(`${url}/products/1`)).json()).toMatchObject({ price: 11 });
  expect(await (await fetch(`${url}/products`)).json()).toContainEqual({
    id: 1,
    name: "Espresso cup",
    price: 11,
  });
  expect(await stats()).toMatchObject({ asked: 4, invalidations: 1 });

  for (let round = 0; round < 2; round++)
    expect((await fetch(`${url}/products/7`)).status).toBe(404);
  expect(await stats()).toMatchObject({ asked: 5 });
});

import { expect, setDefaultTimeout, test } from "bun:test";
import { readExposition, sumOf } from "../support/exposition.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

const counts = process.platform === "linux" ? [1, 2] : [1];

test.each(counts)(
  "12 metrics in %d processes counts orders, and refuses labels that a client makes up",
  async (processes) => {
    const args = ["examples/12-metrics/app.ts", "--port", "0", "--processes", `${processes}`];
    await using child = robyn(args);
    const url = `http://127.0.0.1:${await child.port()}`;
    const order = async (country: string, euros: number) => {
      const body = JSON.stringify({ country, euros });
      const headers = { "content-type": "application/json" };
      return (await fetch(`${url}/orders`, { method: "POST", headers, body, keepalive: false }))
        .status;
    };
    expect(await order("de", 10)).toBe(201);
    expect(await order("it", 3_000)).toBe(201);
    expect(await order("made-up", 1)).toBe(422);
    expect((await fetch(`${url}/shipments`, { method: "POST" })).status).toBe(201);
    expect(await (await fetch(`${url}/products/7`)).json()).toEqual({ id: "7" });
    const families = readExposition(await (await fetch(`${url}/metrics`)).text(), "prometheus");
    expect(sumOf(families, "shop_orders_total")).toBe(2);
    expect(sumOf(families, "shop_open_orders")).toBe(1);
    expect(sumOf(families, "shop_order_value_euros_sum")).toBe(3_010);
    expect(sumOf(families, "http_server_requests_total", { status: "422" })).toBe(1);
  },
);

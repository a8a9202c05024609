/**
 * The same over Bun's IPC with JSON: `bun over-ipc.ts <flood|paced> <seconds>`. The sender keeps at most as many on
 * their way as a channel holds, because IPC by itself would take everything into memory.
 */
import {
  type End,
  latencyRate,
  makeEnd,
  makeMessage,
  Meter,
  type Message,
  paced,
} from "./messages.ts";

const [mode = "flood", duration = "1", role = "consume"] = process.argv.slice(2);
const seconds = Number(duration);
const window = 10_000;
const creditEach = 1_000;

if (role === "consume") consume();
else await produce();

function consume(): void {
  const meter = new Meter(mode === "flood" ? 50_000 : 2_000);
  let received = 0;
  const child = Bun.spawn([process.execPath, import.meta.path, mode, duration, "produce"], {
    stdio: ["ignore", "inherit", "inherit"],
    serialization: "json",
    ipc(message: Message | End) {
      if ("total" in message) {
        console.log(JSON.stringify(meter.result(message)));
        child.kill();
        return;
      }
      meter.add(message);
      if (++received % creditEach === 0) child.send("more");
    },
  });
}

async function produce(): Promise<void> {
  let onTheirWay = 0;
  let wake: (() => void) | undefined;
  process.on("message", () => {
    onTheirWay -= creditEach;
    wake?.();
  });
  const send = async () => {
    while (onTheirWay >= window) await new Promise<void>((resolve) => (wake = resolve));
    onTheirWay++;
    process.send?.(makeMessage());
  };
  if (mode === "paced") await paced(seconds, latencyRate, send);
  else {
    for (let end = performance.now() + seconds * 1e3; performance.now() < end;) {
      for (let count = 0; count < 256; count++) await send();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  process.send?.(makeEnd());
}

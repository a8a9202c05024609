/** A listener of the bus that a test stops: `bun stuck-listener.ts <directory> <slot>`. */
import { Bus } from "../../src/cluster/bus.ts";

const [directory = "", slot = "0"] = process.argv.slice(2);
await new Bus({ directory, slot: Number(slot) }, console.error).open();
console.log("open");

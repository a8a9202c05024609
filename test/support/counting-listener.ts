/** `counting-listener.ts <directory> <slot>`: follows "news" and counts until "end"; asked for a topic on "ask", it says who is there. */
import { Exchange } from "../../src/cluster/exchange.ts";
import { Hub } from "../../src/websocket/hub.ts";
import { checkTopicSettings, checkWebSocketSettings } from "../../src/websocket/settings.ts";
import { silentLogger } from "./log.ts";

const [directory = "", slot = "1"] = process.argv.slice(2);
const hub = new Hub(checkWebSocketSettings({}), checkTopicSettings({}));
const exchange = new Exchange({ directory, slot: Number(slot) }, silentLogger);
let count = 0;
let isInOrder = true;
hub.wants = (topic) => topic !== "bulk";
hub.deliver = (topic, payload) => {
  if (topic === "ask") {
    const ids = hub.presence.of(String(payload)).members.map(({ id }) => id);
    console.log(ids.toSorted().join(","));
  } else if (payload === "end") console.log(`${count} ${isInOrder ? "in order" : "in disorder"}`);
  else if (!String(payload).startsWith(`${count++}:`)) isInOrder = false;
};
await exchange.open();
exchange.attach(hub);
console.log("open");

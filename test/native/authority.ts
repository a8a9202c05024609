/**
 * Not a test: the process that `authority.test.ts` watches. The scanners of the path read sixteen bytes at a time and
 * may see bytes of the authority; every byte at every distance from the path must leave the path alone.
 */
import type { Table } from "../routing/generate-table.ts";
import { describeDifference, firstDifference, quote } from "../routing/compare.ts";
import { cores } from "../support/cores.ts";

const table: Table = {
  strict: false,
  routes: [
    ["GET", "/"],
    ["GET", "/:a"],
    ["GET", "/a/*"],
  ],
};
const notable = [..."!\"$%&'()*+,-.:;=?@[]^_`{|}~#/\\<> \t\x7f"];
const paths = ["", "/", "/a", "/.", "/a/", "/%61", "/?", "#", `/a/${"b".repeat(40)}`];

for (let length = 1; length <= 40; length++) {
  const urls: string[] = [];
  for (const byte of notable) {
    for (const at of new Set([0, length >> 1, length - 1])) {
      const host = `${"h".repeat(at)}${byte}${"h".repeat(length - at - 1)}`;
      for (const path of paths) urls.push(`http://${host}${path}`, `https://${host}${path}`);
    }
  }
  // What is printed last is the group in which a core ended the process.
  console.log(`hosts of ${length} bytes, first ${quote(urls[0])}`);
  const probes = urls.map((url) => ({ method: "GET", url }));
  const difference = firstDifference(cores, table, probes);
  if (difference === undefined) continue;
  console.error(describeDifference(difference, 0));
  process.exit(1);
}

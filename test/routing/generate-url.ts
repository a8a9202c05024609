/** Random URLs: made from the patterns of a table, then bent in the ways that have upset other routers. */
import { limits } from "../../src/limits.ts";
import type { Random } from "../support/random.ts";
import { plain, randomSegment, type Table } from "./generate-table.ts";

export interface Probe {
  readonly method: string;
  readonly url: string;
}

const otherMethods = ["", ..."get HEAD GET POST TRACE BREW __proto__".split(" "), "M".repeat(32)];
const hosts = [
  ..."http:// http://u@h http://h:x http://h:65535 http://h:65536 ://h http:/h 1a://h h".split(" "),
  ..."http://h<x http://h\\x http://é HTTP://H http://h,h http://h%zz é://h http://h?x".split(" "),
  ..."http://[::1 http://[::1]x http://]:1[ http://a:1:2 http://h:00000080 http://[::1]:".split(
    " ",
  ),
  ..."http://[::1]:x http://[a]:1[:2] http://h:8a http://h:-1 http://[ http://] http://:".split(
    " ",
  ),
  ..."http://:80 http://hhhhhhhhhhhhhhhh! http://h$hhhhhhhhhhhhhhh".split(" "),
  ...["http://a b", " http://h", "http://h\x01", "http://\ud800"],
];

export function randomProbe(random: Random, table: Table): Probe {
  const [method, pattern] = random.pick(table.routes);
  let path = random.chance(85) ? instantiate(random, pattern) : `/${randomRest(random)}`;
  for (let count = random.pick([0, 0, 0, 1, 1, 2]); count > 0; count--) path = mutate(random, path);
  return {
    method: random.chance(70) ? method : random.pick(otherMethods),
    url: prefix(random) + path + suffix(random),
  };
}

function instantiate(random: Random, pattern: string): string {
  const segments = pattern.slice(1).split("/");
  const path = segments.flatMap((segment) => {
    if (segment[0] === ":") return [randomValue(random)];
    if (segment[0] === "*") return random.chance(30) ? [] : [randomRest(random)];
    if (random.chance(6)) return [encodeOne(random, segment)];
    return [segment.replace(/[ "^`]|[^\x00-\x7f]+/g, (part) => encodeWell(part))];
  });
  return `/${path.join("/")}${random.chance(8) ? "/" : ""}`;
}

function randomValue(random: Random): string {
  return random.chance(75)
    ? random.pick(plain)
    : random.pick([
        "%20",
        "%2F",
        "a%2fb",
        "%C3%A9",
        "%e6%97%a5",
        "1",
        "%3A",
        ":id",
        "*",
        "%25",
        "%7e",
      ]);
}

function randomRest(random: Random): string {
  const parts = Array.from({ length: random.below(4) }, () => randomValue(random));
  return parts.join("/") + (random.chance(10) ? "/" : "");
}

function mutate(random: Random, path: string): string {
  const at = random.below(path.length + 1);
  const insert = (text: string) => path.slice(0, at) + text + path.slice(at);
  const slash = path.indexOf("/", at);
  switch (random.below(14)) {
    case 0:
      return slash < 0 ? `${path}/` : `${path.slice(0, slash)}/${path.slice(slash)}`;
    case 1:
      return insert(random.pick(["/..", "/../", "/./", "/%2e%2E/", "..", "/.%2e"]));
    case 2:
      return slash < 0 ? `${path}%2F` : `${path.slice(0, slash)}%2F${path.slice(slash + 1)}`;
    case 3:
      return random.chance(50) ? path.toUpperCase() : path.toLowerCase();
    case 4:
      return path.replace(/\/[^/]*$/, "");
    case 5:
      return path.replace(/^\/[^/]*/, "");
    case 6:
      return insert(
        random.pick(["%zz", "%", "%4", "%C3", "%A9", "%c0%ae", "%ed%a0%80", "%F4%90%80%80"]),
      );
    case 7:
      return insert(random.pick(["\0", "%00", "%0a", "\t", " ", "\x7f", "%7F", "%1f", "\r\n"]));
    case 8:
      return insert(
        random.pick(["é", "š", "\u0161dmin", "\ud800", "\udc00", "😀", "\xe1", "\u0100"]),
      );
    case 9:
      return encodeOne(random, path);
    case 10:
      return random.chance(90) ? insert(random.pick(plain)) : insert(longText(random));
    case 11:
      return path.slice(0, at);
    case 12:
      return insert(random.pick(["?", "#", "?/a", ";x=1", "\\", ":", "*", "//", "/"]));
    default:
      return `${path}/${randomSegment(random)}`;
  }
}

/** Around the limits of path and URL. */
function longText(random: Random): string {
  const length = random.pick([
    limits.path_bytes_max,
    limits.path_bytes_max,
    limits.url_bytes_max,
    300,
  ]);
  const piece = random.pick(["a", "a", "/", "/a", "%61", "a/"]);
  return piece.repeat(length / piece.length).slice(0, Math.max(0, length - random.below(24)));
}

function prefix(random: Random): string {
  if (random.chance(60)) return "http://localhost:8080";
  if (random.chance(40)) return "";
  if (random.chance(40))
    return random.pick(["https://a.b", "http://[::1]:1", "ws://h", "a+b.c-d://h:"]);
  return random.pick(hosts);
}

function suffix(random: Random): string {
  if (random.chance(75)) return "";
  if (random.chance(2)) return `?${"q".repeat(limits.url_bytes_max - random.below(60))}`;
  return random.pick([
    "?",
    "#",
    "?a=1",
    "?/b",
    "#/b",
    "?a#b",
    "#?",
    "?%zz",
    "?é",
    "#\ud800",
    "?a=/../b",
    "? ",
  ]);
}

function encodeOne(random: Random, text: string): string {
  if (text === "") return "";
  const at = random.below(text.length);
  const end = at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
  const bytes = [...new TextEncoder().encode(text.slice(at, end))];
  const digits = (byte: number) => byte.toString(16).padStart(2, "0");
  const encoded = bytes.map((byte) => `%${digits(byte)}`).join("");
  return (
    text.slice(0, at) + (random.chance(50) ? encoded.toUpperCase() : encoded) + text.slice(end)
  );
}

function encodeWell(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

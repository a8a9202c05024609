/**
 * Cookies of an answer (RFC 6265bis), plain and signed. Nothing that a client sent can leave its place: a name is
 * checked, a value is encoded, an attribute is checked, and what a browser would drop unsaid is refused here.
 */
import { RobynError } from "../errors.ts";
import { isToken } from "../http/method.ts";

export interface CookieOptions {
  /** Paths that the browser sends it to. Default `/`. */
  path?: string;
  /** Host whose subdomains get it too. Default: this host alone. */
  domain?: string;
  /** When it ends. Default: with the browser. `maxAge` wins where both are given. */
  expires?: Date;
  /** Seconds until it ends; 0 or less removes it. Browsers cap it at 400 days. */
  maxAge?: number;
  /** Only over HTTPS. Default false. */
  secure?: boolean;
  /** Hidden from scripts. Default false. */
  httpOnly?: boolean;
  /** Whether requests from other sites carry it. Default `lax`; `none` needs `secure`. */
  sameSite?: "strict" | "lax" | "none";
  /** One jar per top-level site (CHIPS); needs `secure`. Default false. */
  partitioned?: boolean;
}

/** What identifies the cookie to delete: a browser removes it only where path and domain are those it was set with. */
export type CookieIdentity = Pick<CookieOptions, "path" | "domain" | "partitioned">;

/** Longest cookie, attributes included: the least that browsers must keep (RFC 6265 §6.1). */
export const cookie_bytes_max = 4_096;

/** Least length of a signing key: below it, a key that people invent can be guessed offline. */
export const cookie_key_characters_min = 32;

/**
 * A `Set-Cookie` value. The cookie's value is percent-encoded where it has to be; `context.cookies` decodes it.
 *
 * @throws TypeError for a name, value or attribute that cannot be sent, for a combination that browsers refuse
 * (`__Host-` and `__Secure-` rules, `SameSite=None` or `Partitioned` without `Secure`), and above 4,096 bytes.
 */
export function serializeCookie(name: string, value: string, options: CookieOptions = {}): string {
  checkName(name);
  if (typeof value !== "string") refuse(name, `was given a ${typeof value}; its value is a string`);
  const { path = "/", domain, secure = false, sameSite = "lax", partitioned = false } = options;
  checkOptions(name, options);
  checkPrefix(name, { path, domain, secure });
  if (sameSite === "none" && !secure) refuse(name, "has sameSite none, which needs secure: true");
  if (partitioned && !secure) refuse(name, "is partitioned, which needs secure: true");
  let line = `${name}=${encodeValue(value)}; Path=${path}`;
  if (domain !== undefined) line += `; Domain=${domain}`;
  if (options.maxAge !== undefined) line += `; Max-Age=${options.maxAge}`;
  if (options.expires !== undefined) line += `; Expires=${options.expires.toUTCString()}`;
  if (secure) line += "; Secure";
  if (options.httpOnly === true) line += "; HttpOnly";
  line += `; SameSite=${sameSiteNames[sameSite]}`;
  if (partitioned) line += "; Partitioned";
  if (line.length > cookie_bytes_max)
    refuse(name, `has ${line.length} bytes; browsers drop what is above ${cookie_bytes_max}`);
  return line;
}

/** A `Set-Cookie` value that removes a cookie: empty, and over since 1970. */
export function serializeDeletion(name: string, identity: CookieIdentity = {}): string {
  // A browser ignores a prefixed or partitioned cookie without `Secure`, a removal too.
  const secure = identity.partitioned === true || /^__(?:host|secure)-/i.test(name);
  const { path, domain, partitioned } = identity;
  return serializeCookie(name, "", {
    path,
    domain,
    partitioned,
    secure,
    maxAge: 0,
    expires: new Date(0),
  });
}

/**
 * `value.signature`: HMAC-SHA256 (RFC 2104) over name and value with the first key, base64url. The name is part of
 * it, so that the signature of one cookie does not fit another. Signed is not encrypted: the client can read it.
 */
export function signCookie(name: string, value: string, keys: readonly string[]): string {
  return `${value}.${signature(name, value, requireKeys(keys)[0]!)}`;
}

/** @returns the value, or undefined unless one of `keys` signed exactly this name and value. */
export function verifyCookie(
  name: string,
  signed: string,
  keys: readonly string[],
): string | undefined {
  const dot = signed.lastIndexOf(".");
  if (dot < 0) return undefined;
  const value = signed.slice(0, dot);
  // The text is compared, not what it decodes to: base64url has spare bits, which would let a changed one pass.
  const given = Buffer.from(signed.slice(dot + 1));
  for (const key of requireKeys(keys)) {
    const expected = Buffer.from(signature(name, value, key));
    if (given.length === expected.length && crypto.timingSafeEqual(given, expected)) return value;
  }
  return undefined;
}

/** @throws RobynError ROBYN_COOKIE_KEYS_INVALID if there is no key, or one is shorter than 32 characters. */
export function checkCookieKeys(keys: readonly string[]): readonly string[] {
  const valid = (key: unknown) =>
    typeof key === "string" && key.length >= cookie_key_characters_min;
  if (Array.isArray(keys) && keys.length > 0 && keys.every(valid)) return [...keys];
  // The keys themselves are secrets: the message must not show them.
  throw new RobynError(
    "ROBYN_COOKIE_KEYS_INVALID",
    `cookieKeys is not a list of keys of at least ${cookie_key_characters_min} characters.`,
    "Make one with `openssl rand -base64 32`; put a new key first and keep the old one until its cookies have ended.",
  );
}

const sameSiteNames = { strict: "Strict", lax: "Lax", none: "None" } as const;
const optionNames: ReadonlySet<string> = new Set([
  "path",
  "domain",
  "expires",
  "maxAge",
  "secure",
  "httpOnly",
  "sameSite",
  "partitioned",
]);

function signature(name: string, value: string, key: string): string {
  // A name has no "=", so no other pair of name and value gives the same text.
  const text = `cookie:${name}=${value.toWellFormed()}`;
  return new Bun.CryptoHasher("sha256", key).update(text).digest("base64url");
}

function requireKeys(keys: readonly string[]): readonly string[] {
  if (keys.length > 0) return keys;
  throw new RobynError(
    "ROBYN_COOKIE_KEYS_INVALID",
    "A signed cookie was used, but the application has no keys.",
    "Give it some: new Robyn({ cookieKeys: [secret] }).",
  );
}

/** Everything but cookie-octets (RFC 6265 §4.1.1), and `%`, so that decoding gives the value back. */
function encodeValue(value: string): string {
  const others = /[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+/g;
  return value.toWellFormed().replace(others, encodeURIComponent);
}

function checkName(name: string): void {
  if (typeof name === "string" && isToken(name)) return;
  throw new TypeError(
    `a cookie was given the name ${JSON.stringify(name)}; it is a token of letters, digits and -_ (RFC 6265 §4.1.1)`,
  );
}

function checkOptions(name: string, options: CookieOptions): void {
  // A misspelled `httpOnly` would pass over the protection that was asked for.
  for (const key of Object.keys(options))
    if (!optionNames.has(key)) refuse(name, `was given the unknown option "${key}"`);
  const { path, domain, expires, maxAge, sameSite } = options;
  if (path !== undefined && !/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path))
    refuse(
      name,
      `was given the path ${JSON.stringify(path)}; it begins with / and is ASCII without ";"`,
    );
  if (domain !== undefined && !/^\.?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(domain))
    refuse(name, `was given the domain ${JSON.stringify(domain)}; it is a host name in ASCII`);
  if (maxAge !== undefined && !Number.isSafeInteger(maxAge))
    refuse(name, `was given the maxAge ${maxAge}; it is a whole number of seconds`);
  if (expires !== undefined && !(expires instanceof Date && isSendable(expires)))
    refuse(name, "was given an expires that is no Date from 1601 to 9999");
  if (sameSite !== undefined && !Object.hasOwn(sameSiteNames, sameSite))
    refuse(name, `was given the sameSite ${JSON.stringify(sameSite)}; it is strict, lax or none`);
}

/** RFC 6265 §5.1.1: the years that a cookie date can have. */
function isSendable(date: Date): boolean {
  return date.getUTCFullYear() >= 1601 && date.getUTCFullYear() <= 9999;
}

/** RFC 6265bis §4.1.3: browsers compare the prefixes without regard to case and drop what breaks their rules. */
function checkPrefix(
  name: string,
  { path, domain, secure }: { path: string; domain: string | undefined; secure: boolean },
): void {
  if (/^__(?:host|secure)-/i.test(name) && !secure)
    refuse(name, "has a prefix that needs secure: true");
  if (/^__host-/i.test(name) && (path !== "/" || domain !== undefined))
    refuse(name, 'has the prefix __Host-, which needs the path "/" and no domain');
}

function refuse(name: string, why: string): never {
  throw new TypeError(`the cookie ${JSON.stringify(name)} ${why}`);
}

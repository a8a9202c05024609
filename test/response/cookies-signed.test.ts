/** Signed cookies: what verifies, and everything that does not. */
import { describe, expect, test } from "bun:test";
import { Robyn, RobynError, signCookie, verifyCookie } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const first = "first key, with more than 32 characters";
const second = "second key, with more than 32 characters";

describe("a signature", () => {
  test.each(["7", "", "a.b.c", "ä 😀; x", "x=y", "."])(
    "of %j verifies, and gives the value back",
    (value) => {
      expect(verifyCookie("user", signCookie("user", value, [first]), [first])).toBe(value);
    },
  );

  test("is HMAC-SHA256 over name and value, base64url", async () => {
    // Made with another implementation, WebCrypto, so that a change of format cannot pass unseen.
    const key = await crypto.subtle.importKey(
      "raw",
      new TextEncoder().encode(first),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode("cookie:user=7"));
    expect(signCookie("user", "7", [first])).toBe(`7.${Buffer.from(mac).toString("base64url")}`);
  });

  test("keys rotate: the first signs, all verify, a removed one no longer does", () => {
    const old = signCookie("user", "7", [first]);
    expect(verifyCookie("user", old, [second, first])).toBe("7");
    expect(signCookie("user", "7", [second, first])).toBe(signCookie("user", "7", [second]));
    expect(verifyCookie("user", old, [second])).toBeUndefined();
  });

  test("does not fit another cookie", () => {
    const signed = signCookie("user", "7", [first]);
    expect(verifyCookie("admin", signed, [first])).toBeUndefined();
    // The border between name and value cannot be moved either.
    expect(verifyCookie("u", signCookie("u=x", "7", [first]), [first])).toBeUndefined();
    expect(verifyCookie("user", `x=${signed}`, [first])).toBeUndefined();
  });

  test("changed in any character, it does not verify", () => {
    const signed = signCookie("user", "7", [first]);
    for (let index = 0; index < signed.length; index++) {
      for (const other of ["A", "B", "_", ".", "é"]) {
        const changed = signed.slice(0, index) + other + signed.slice(index + 1);
        if (changed !== signed) expect(verifyCookie("user", changed, [first])).toBeUndefined();
      }
    }
  });

  test("cut at any place, or longer, it does not verify", () => {
    const signed = signCookie("user", "7", [first]);
    for (let length = 0; length < signed.length; length++)
      expect(verifyCookie("user", signed.slice(0, length), [first])).toBeUndefined();
    for (const more of ["A", "=", " ", "\0"])
      expect(verifyCookie("user", signed + more, [first])).toBeUndefined();
  });

  test("every last character but one is refused: base64url has bits that decoding drops", () => {
    const signed = signCookie("user", "7", [first]);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const accepted = [...alphabet].filter(
      (last) => verifyCookie("user", signed.slice(0, -1) + last, [first]) !== undefined,
    );
    expect(accepted).toEqual([signed.at(-1)!]);
  });
});

describe("cookieKeys", () => {
  test.each([[[]], [["short"]], [[first, "x".repeat(31)]], ["x".repeat(40)], [[32]], [null]])(
    "%j is refused where the app is made",
    (keys) => {
      const make = () => new Robyn({ cookieKeys: keys as string[] });
      expect(make).toThrow(RobynError);
      expect(make).toThrow(/ROBYN_COOKIE_KEYS_INVALID/);
    },
  );

  test("the message does not show them", () => {
    expect(() => new Robyn({ cookieKeys: ["hunter2"] })).not.toThrow(/hunter2/);
  });

  test("32 characters are enough", () => {
    expect(() => new Robyn({ cookieKeys: ["x".repeat(32)] })).not.toThrow();
  });

  test("without them a signed cookie is a 500, and the log names the fix", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger })
      .get("/set", ({ setSignedCookie }) => setSignedCookie("user", "7"))
      .get("/get", ({ signedCookie }) => signedCookie("user") ?? "nobody");
    expect((await app.request("/set")).status).toBe(500);
    expect((await app.request("/get", { headers: { cookie: "user=7.x" } })).status).toBe(500);
    expect(logger.errors()).toContain("new Robyn({ cookieKeys: [secret] })");
  });
});

test("a round trip over a socket: set, sent back, read; tampered with, gone", async () => {
  const app = quietApp({ cookieKeys: [first] })
    .get("/login", ({ setSignedCookie }) => {
      setSignedCookie("user", "ada; admin", { httpOnly: true });
      return "welcome";
    })
    .get("/me", ({ signedCookie }) => ({ user: signedCookie("user") ?? null }));
  await using server = await serveApp(app);
  const login = await fetch(server.url("/login"));
  const [line = ""] = login.headers.getSetCookie();
  expect(line).toEndWith("; Path=/; HttpOnly; SameSite=Lax");
  const cookie = line.split(";")[0]!;
  const me = async (header: string) =>
    await (await fetch(server.url("/me"), { headers: { cookie: header } })).json();
  expect(await me(cookie)).toEqual({ user: "ada; admin" });
  expect(await me(`other=1; ${cookie}`)).toEqual({ user: "ada; admin" });
  expect(await me(cookie.replace("ada", "eve"))).toEqual({ user: null });
  expect(await me(cookie.slice(0, -1))).toEqual({ user: null });
  expect(await me(cookie.replace("user=", "name="))).toEqual({ user: null });
  expect(await me("user=%zz.%zz")).toEqual({ user: null });
  expect(await me("")).toEqual({ user: null });
});

test("is read from the request where a schema has replaced `cookies`", async () => {
  const { t } = await import("robyn");
  const app = quietApp({ cookieKeys: [first] }).get(
    "/",
    { cookies: t.Object({ theme: t.String() }) },
    ({ cookies, signedCookie }) => ({ theme: cookies.theme, user: signedCookie("user") }),
  );
  const cookie = `theme=dark; user=${signCookie("user", "7", [first])}`;
  expect(await (await app.request("/", { headers: { cookie } })).json()).toEqual({
    theme: "dark",
    user: "7",
  });
});

/** The cookies of a test client: RFC 6265 §5, for one host. */

interface Stored {
  readonly cookie: Bun.Cookie;
  /** ms since the epoch, or Infinity for a session cookie. */
  readonly expiresAt: number;
}

export class CookieJar {
  readonly #cookies = new Map<string, Stored>();

  /** Value of a cookie that would be sent to `/`, or to `path`. */
  get(name: string, path = "/"): string | undefined {
    return this.#matching(path).find((cookie) => cookie.name === name)?.value;
  }

  /** Adds a cookie as a browser would have it. */
  set(name: string, value: string): void {
    this.#put(new Bun.Cookie(name, value));
  }

  clear(): void {
    this.#cookies.clear();
  }

  /** @internal takes over what a response has set */
  store(url: URL, setCookies: readonly string[]): void {
    for (const text of setCookies) {
      const cookie = Bun.Cookie.parse(text);
      if (cookie.path === "" || !/;\s*path=/i.test(text)) cookie.path = defaultPath(url.pathname);
      this.#put(cookie);
    }
  }

  /** @internal the `cookie` header for a URL, or `""` */
  header({ pathname }: URL): string {
    return this.#matching(pathname)
      .map((cookie) => `${cookie.name}=${cookie.value}`)
      .join("; ");
  }

  #put(cookie: Bun.Cookie): void {
    const key = `${cookie.name};${cookie.path}`;
    const expiresAt = expiryOf(cookie);
    if (expiresAt <= Date.now()) this.#cookies.delete(key);
    else this.#cookies.set(key, { cookie, expiresAt });
  }

  /** Longer paths first (§5.4); expired cookies are left out. */
  #matching(path: string): Bun.Cookie[] {
    return [...this.#cookies.values()]
      .filter(({ cookie, expiresAt }) => expiresAt > Date.now() && pathMatches(path, cookie.path))
      .map(({ cookie }) => cookie)
      .sort((left, right) => right.path.length - left.path.length);
  }
}

/** `Max-Age` wins over `Expires` (§5.3). */
function expiryOf({ maxAge, expires }: Bun.Cookie): number {
  if (maxAge !== undefined) return maxAge <= 0 ? 0 : Date.now() + maxAge * 1_000;
  return expires === undefined ? Infinity : new Date(expires).getTime();
}

/** §5.1.4 */
function defaultPath(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

function pathMatches(path: string, cookiePath: string): boolean {
  return (
    path === cookiePath ||
    (path.startsWith(cookiePath) && (cookiePath.endsWith("/") || path[cookiePath.length] === "/"))
  );
}

/** A page in a real browser, where one is installed: opened headless, and asked for its document by the DevTools protocol. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processTimeout_ms } from "./process.ts";
import { until, within } from "./wait.ts";

export const chromium = Bun.which("chromium") ?? Bun.which("chromium-browser");

export class Page implements AsyncDisposable {
  readonly #process: Bun.Subprocess;
  readonly #profile: string;
  #socket: WebSocket | undefined;
  #calls = 0;

  private constructor(url: string) {
    if (chromium === null) throw new Error('there is no "chromium" in PATH');
    this.#profile = mkdtempSync(join(tmpdir(), "robyn-chromium-"));
    const options = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      `--user-data-dir=${this.#profile}`,
      "--remote-debugging-port=0",
    ];
    this.#process = Bun.spawn([chromium, ...options, url], {
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  static async open(url: string): Promise<Page> {
    const page = new Page(url);
    try {
      await page.#attach(url);
      return page;
    } catch (error) {
      await page[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The document as it is now. */
  async html(): Promise<string> {
    return String(await this.evaluate("document.documentElement.outerHTML"));
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const id = ++this.#calls;
    const socket = this.#socket;
    if (socket === undefined) throw new Error("the page is not open");
    const { promise, resolve } = Promise.withResolvers<Evaluated>();
    const listen = ({ data }: MessageEvent<unknown>) => {
      const answer = JSON.parse(String(data)) as Evaluated;
      if (answer.id !== id) return;
      socket.removeEventListener("message", listen);
      resolve(answer);
    };
    socket.addEventListener("message", listen);
    const params = { expression, awaitPromise: true, returnByValue: true };
    socket.send(JSON.stringify({ id, method: "Runtime.evaluate", params }));
    const { result } = await within(`the value of ${expression}`, promise, processTimeout_ms);
    return result?.result?.value;
  }

  /** Waits until the document matches. */
  async shows(pattern: RegExp): Promise<string> {
    let last = "";
    return await until(
      () => `${pattern}; the page is ${last}`,
      async () => {
        last = await this.html();
        return pattern.test(last) && last;
      },
      processTimeout_ms,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.close();
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    // Its own processes end a moment later, and may still write.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  async #attach(url: string): Promise<void> {
    const file = join(this.#profile, "DevToolsActivePort");
    const port = await until(
      "the port of the browser",
      () =>
        existsSync(file) &&
        /^\d+\n/.test(readFileSync(file, "utf8")) &&
        readFileSync(file, "utf8").split("\n")[0],
      processTimeout_ms,
    );
    const address = await until(
      `the page ${url}`,
      async () => {
        const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as Target[];
        return targets.find((it) => it.type === "page" && it.url.startsWith("http"))
          ?.webSocketDebuggerUrl;
      },
      processTimeout_ms,
    );
    const socket = new WebSocket(address);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("the browser refuses to be asked"));
    await within("the browser to be asked", promise, processTimeout_ms);
    this.#socket = socket;
  }
}

interface Target {
  readonly type: string;
  readonly url: string;
  readonly webSocketDebuggerUrl: string;
}

interface Evaluated {
  readonly id: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

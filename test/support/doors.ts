/**
 * Every door through which a request can come in. The same cases run through all of them and must get the same
 * answer: a difference between two doors is how a guard is walked around.
 */
import type { Robyn } from "robyn";
import { exchange, request } from "./raw.ts";
import { quietApp, serveApp, type Served } from "./serve.ts";
import { recordingLogger, type RecordingLogger } from "./log.ts";

export interface Case {
  readonly method?: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly bytes: Uint8Array;
}

export interface Door {
  readonly name: string;
  readonly log: RecordingLogger;
  ask(it: Case): Promise<Answer>;
}

export interface Doors extends AsyncDisposable {
  readonly all: readonly Door[];
  /** The answer that every door gives; fails, naming the door, where one differs from the first. */
  ask(it: Case | string): Promise<Answer>;
}

/** @param define fills a fresh app; called once per door. */
export async function openDoors(define: (app: Robyn) => unknown): Promise<Doors> {
  const closers: AsyncDisposable[] = [];
  const make = (core?: "portable") => {
    const log = recordingLogger();
    const app = quietApp({ logger: log, core });
    define(app);
    return { app, log };
  };
  const inProcess = (name: string, core?: "portable"): Door => {
    const { app, log } = make(core);
    return { name, log, ask: async (it) => fromResponse(await app.request(it.target, toInit(it))) };
  };
  const socket = async (name: string, accelerator: boolean): Promise<Door> => {
    const { app, log } = make();
    const server = await serveApp(app, { accelerator });
    closers.push(server);
    return { name, log, ask: (it) => askSocket(server, it) };
  };
  const mounted = (name: string): Door => {
    const { app, log } = make();
    const server = Bun.serve({ port: 0, development: false, fetch: app.fetch });
    closers.push({ [Symbol.asyncDispose]: () => server.stop(true) });
    return { name, log, ask: (it) => askSocket({ port: server.port ?? 0 }, it) };
  };
  const all = [
    inProcess("in process"),
    inProcess("in process, portable core", "portable"),
    await socket("socket", false),
    await socket("socket with accelerator", true),
    mounted("mounted in another Bun.serve"),
  ];
  return {
    all,
    ask: (it) => askAll(all, typeof it === "string" ? { target: it } : it),
    async [Symbol.asyncDispose]() {
      for (const closer of closers) await closer[Symbol.asyncDispose]();
    },
  };
}

async function askAll(doors: readonly Door[], it: Case): Promise<Answer> {
  let first: Answer | undefined;
  for (const door of doors) {
    const answer = await door.ask(it);
    first ??= answer;
    if (comparable(answer) === comparable(first)) continue;
    throw new Error(
      `${it.method ?? "GET"} ${it.target}: "${door.name}" answers ${shorten(comparable(answer))}, ` +
        `"${doors[0]!.name}" ${shorten(comparable(first))}`,
    );
  }
  return first!;
}

function shorten(text: string): string {
  return text.length <= 400 ? text : `${text.slice(0, 400)}…`;
}

/** Framing belongs to the connection and not to the answer; all other headers must agree. */
const framing = new Set([
  "date",
  "connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
]);

function comparable({ status, headers, bytes }: Answer): string {
  const kept = Object.entries(headers).filter(
    ([name, value]) => !framing.has(name) && !(name === "content-type" && value === typeOfStrings),
  );
  kept.sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([status, kept, Buffer.from(bytes).toString("latin1")]);
}

/**
 * Bun adds the type of a string body when it sends it, so `Response.headers` does not show it in process. Anything
 * else about types is compared; that strings have this one over a socket is tested where values are.
 */
const typeOfStrings = "text/plain;charset=utf-8";

function toInit({ method = "GET", headers, body }: Case): RequestInit {
  return { method, headers: { ...headers }, body };
}

async function fromResponse(response: Response): Promise<Answer> {
  // Bun forgets the type of a Blob once its body has been read.
  const headers = Object.fromEntries(response.headers);
  const bytes = await response.bytes();
  return { status: response.status, headers, text: new TextDecoder().decode(bytes), bytes };
}

async function askSocket({ port }: Pick<Served, "port">, it: Case): Promise<Answer> {
  const { method = "GET", target, headers = {}, body = "" } = it;
  const {
    status,
    headers: got,
    text,
    body: bytes,
  } = await exchange(
    port,
    request(method, target, { Connection: "close", ...headers }, body),
    method,
  );
  return { status, headers: got, text, bytes };
}

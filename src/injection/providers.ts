/** How an injected value comes into the world: as it is, once per process, or once per request. */
import { RobynError } from "../errors.ts";
import type { Context } from "../request/context.ts";

export interface ProviderOptions<Value> {
  /** Lets go of the value. Default: its `Symbol.asyncDispose` or `Symbol.dispose`, if it has one. */
  dispose?(value: Value): unknown;
}

/** Made by `perApp()`. */
export class PerApp<in Known = never, out Value = unknown> {
  /** @internal */
  readonly make: (known: Known) => Value | Promise<Value>;
  /** @internal */
  readonly options: ProviderOptions<Value>;

  constructor(make: (known: Known) => Value | Promise<Value>, options: ProviderOptions<Value>) {
    this.make = make;
    this.options = options;
  }
}

/** Made by `perRequest()`. The compiler tells the two apart by the name of the factory. */
export class PerRequest<in Asked = never, out Value = unknown> {
  /** @internal */
  readonly makeFor: (context: Asked) => Value;
  /** @internal */
  readonly options: ProviderOptions<Awaited<Value>>;

  constructor(makeFor: (context: Asked) => Value, options: ProviderOptions<Awaited<Value>>) {
    this.makeFor = makeFor;
    this.options = options;
  }
}

/**
 * A dependency that is made once per process, before the server listens, and let go of when it has stopped, the last one
 * first. If the factory throws, nothing listens.
 *
 * @param factory is given the dependencies that its router has. May be async; handlers get what it resolves to.
 * @throws RobynError ROBYN_INJECTION_INVALID
 * @example app.injectGlobal({ db: perApp(() => new Database("notes.sqlite"), { dispose: (db) => db.close() }) });
 */
export function perApp<Known = object, Value = unknown>(
  factory: (known: Known) => Value | Promise<Value>,
  options: ProviderOptions<Value> = {},
): PerApp<Known, Value> {
  checkProvider("perApp()", factory, options);
  return new PerApp(factory, options);
}

/**
 * A dependency that is made when a request first asks for it, at most once for each, and let go of when the request has
 * ended: behind the answer, streams included. That of a WebSocket handshake lives as long as the socket.
 *
 * @param factory is given the context of the request. Where it is async, handlers get its promise: `await user`.
 * @throws RobynError ROBYN_INJECTION_INVALID
 * @example app.inject({ user: perRequest(({ headers }) => findUser(headers)) });
 */
export function perRequest<Asked = Context, Value = unknown>(
  factory: (context: Asked) => Value,
  options: ProviderOptions<Awaited<Value>> = {},
): PerRequest<Asked, Value> {
  checkProvider("perRequest()", factory, options);
  return new PerRequest(factory, options);
}

/** What lets go of a value; undefined where nothing has to be done. */
export function disposalOf(
  value: unknown,
  { dispose }: ProviderOptions<unknown>,
): (() => unknown) | undefined {
  if (dispose !== undefined) return () => dispose(value);
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    return undefined;
  const own =
    (Symbol.asyncDispose in value && value[Symbol.asyncDispose]) ||
    (Symbol.dispose in value && value[Symbol.dispose]);
  return typeof own === "function" ? () => own.call(value) : undefined;
}

function checkProvider(what: string, factory: unknown, options: object): void {
  const refuse = (given: string, fix: string): never => {
    throw new RobynError("ROBYN_INJECTION_INVALID", `${what} was given ${given}.`, fix);
  };
  if (typeof factory !== "function")
    refuse(
      `${Bun.inspect(factory)} where a factory is expected`,
      "Pass a function that makes the value; a value that is there already needs none.",
    );
  for (const [name, value] of Object.entries(options)) {
    if (name !== "dispose") refuse(`the unknown option "${name}"`, "It takes dispose.");
    if (value !== undefined && typeof value !== "function")
      refuse(`${Bun.inspect(value)} as dispose`, "It takes a function.");
  }
}

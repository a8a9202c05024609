/** What `inject()` was given, checked: plain data, as other definitions. */
import { RobynError } from "../errors.ts";
import { Context } from "../request/context.ts";

/** One name and what stands for it. */
export interface Injection {
  readonly name: string;
  /** A value, or a provider that makes one. */
  readonly given: unknown;
  /** Where it was injected; its stack is read only when a message needs it. */
  readonly definedAt: Error;
}

/**
 * Members of a socket, those that are not public included: a name has to be free there too, because a route may become a
 * WebSocket route. A test holds the list against the class, which lies above this room.
 */
export const socketNames = [
  ...["id", "data", "params", "protocol", "isOpen", "buffered", "topics", "send", "drained"],
  ...["publish", "subscribe", "unsubscribe", "close", "terminate", "server", "sendPayload"],
  ...["closeIfSlow", "publishOthers", "opened", "received", "fail", "drain", "closed", "end"],
];

/** Members that a context has beside those of its class; a test holds the list against it. */
export const contextFields = ["request", "params", "isHead"];

let taken: ReadonlySet<string> | undefined;

/** Names that a context or a socket has, and those that every object has or that would make a promise of it. */
export function takenNames(): ReadonlySet<string> {
  return (taken ??= new Set([
    ...Object.getOwnPropertyNames(Context.prototype),
    ...contextFields,
    "then",
    ...Object.getOwnPropertyNames(Object.prototype),
    ...socketNames,
  ]));
}

/**
 * @param call for messages: `inject()`.
 * @throws RobynError ROBYN_INJECTION_INVALID
 */
export function injectionsOf(call: string, given: unknown, definedAt: Error): Injection[] {
  const refuse = (what: string, fix: string): never => {
    throw new RobynError("ROBYN_INJECTION_INVALID", `${call} was given ${what}.`, fix);
  };
  if (!isRecord(given)) {
    return refuse(
      `${Bun.inspect(given)}, which gives nothing a name`,
      `Write ${call.slice(0, -1)}{ db }).`,
    );
  }
  return Reflect.ownKeys(given).map((name) => {
    if (typeof name !== "string" || name === "")
      return refuse(`the name ${Bun.inspect(name)}`, "A name is a string that is not empty.");
    if (takenNames().has(name))
      return refuse(
        `the name "${name}", which contexts or sockets have already`,
        "Choose another name.",
      );
    return { name, given: given[name], definedAt };
  });
}

/** An instance of a class is more likely the value that was meant to get a name. */
function isRecord(given: unknown): given is Readonly<Record<string, unknown>> {
  if (typeof given !== "object" || given === null) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === Object.prototype || prototype === null;
}

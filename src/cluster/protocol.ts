/**
 * What primary and listeners say to each other, in one grammar: a message is a plain object whose `robyn` names it. The
 * application may use the same channel for messages of its own; what is not in the grammar is passed over.
 */

/** From a listener. `slot` says from which: the threads of a process share one channel. */
export const toPrimary = {
  /** Which port it may share; answered by `bound` or `refused`. `app` counts the servers of one listener. */
  listen: { slot: "number", host: "string", port: "number", app: "number" },
  /** It answers requests. */
  ready: {
    slot: "number",
    host: "string",
    port: "number",
    url: "string",
    routes: "number",
    core: "string",
    shutdownTimeout: "number",
  },
  /** It cannot start. */
  failed: { slot: "number", message: "string" },
  /** Its event loop turns. */
  beat: { slot: "number", pending: "number" },
  /** It drains, because somebody sent SIGTERM to it alone. */
  leaving: { slot: "number" },
  /** It has answered or taken enough to be replaced. */
  recycle: { slot: "number", reason: "string" },
  claim: { slot: "number", name: "string" },
  release: { slot: "number", name: "string" },
} as const;

/** To a listener. */
export const toListener = {
  bound: { slot: "number", app: "number", port: "number" },
  refused: { slot: "number", app: "number", code: "string", message: "string", fix: "string" },
  /** Finish, then end. */
  drain: { slot: "number" },
  /** The name belongs to this listener until it releases it or ends. */
  granted: { slot: "number", name: "string" },
} as const;

type Grammar = Readonly<Record<string, Readonly<Record<string, "number" | "string">>>>;
interface FieldTypes {
  number: number;
  string: string;
}
type MessageOf<Words extends Grammar> = {
  [Word in keyof Words]: { readonly robyn: Word } & {
    readonly [Field in keyof Words[Word]]: FieldTypes[Words[Word][Field]];
  };
}[keyof Words];

export type ToPrimary = MessageOf<typeof toPrimary>;
export type ToListener = MessageOf<typeof toListener>;

export function isToPrimary(message: unknown): message is ToPrimary {
  return isIn(toPrimary, message);
}

export function isToListener(message: unknown): message is ToListener {
  return isIn(toListener, message);
}

function isIn(grammar: Grammar, message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...message };
  const word = fields.robyn;
  if (typeof word !== "string" || !Object.hasOwn(grammar, word)) return false;
  return Object.entries(grammar[word]!).every(([name, type]) => typeof fields[name] === type);
}

/**
 * What a subject has to serve. The rules lie in plans.json so that the subjects in JavaScript for Node and in Python
 * expand the very same text; probes.ts says what is asked and what has to be answered.
 */
import plans from "./plans.json";

/**
 * `param`: answers its `:id` as text. `const` and `json`: an object, made once or on each request. `post`: an object
 * of three fields, taken from a JSON body. `coercion`: an object of four, from path and query. `static`: a file.
 */
export type Kind = (typeof kinds)[number];

export interface Plan {
  readonly name: string;
  readonly kind: Kind;
  /** Route patterns, in the order of definition. */
  readonly routes: readonly string[];
  /** One before hook and one after hook, both synchronous, around every route. */
  readonly hooks: boolean;
  /** What schemas check: nothing, the request, or the request and the response. */
  readonly checks: "nothing" | "request" | "response";
}

const kinds = ["param", "const", "json", "post", "coercion", "static"] as const;

/** What the `const` and `json` plans answer. */
export const healthy = { status: "healthy" };

/** What the control answers to every parameter route: as long as any real answer, or bytes would be compared. */
export const fixedId = "10001";

/** With the `hooks` plan only: answers how often the hooks ran, or nobody could tell that they did. */
export const hooksPath = "/hooks-ran";

export function planOf(name: string): Plan {
  const rule: Rule | undefined = Object.entries(plans).find(([key]) => key === name)?.[1];
  if (rule === undefined) {
    throw new TypeError(`There is no plan "${name}": ${Object.keys(plans).join(", ")}`);
  }
  const { kind, route, count, hooks = false, checks = "nothing" } = rule;
  return {
    name,
    kind: oneOf(kinds, kind),
    routes: Array.from({ length: count }, (_, index) => route.replace("{n}", String(index))),
    hooks,
    checks: oneOf(["nothing", "request", "response"], checks),
  };
}

interface Rule {
  kind: string;
  route: string;
  count: number;
  hooks?: boolean;
  checks?: string;
}

function oneOf<Word extends string>(words: readonly Word[], text: string): Word {
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw new TypeError(`plans.json: "${text}" is none of ${words}`);
  return word;
}

/**
 * What a subject has to serve, and what it has to answer. The rules lie in plans.json so that the subjects in
 * JavaScript for Node and in Python expand the very same text; the checker compares what they make of it.
 */
import plans from "./plans.json";

/** `param`: answers its `:id` as text. `const`, `json` and `cached`: an object, made once, on each request or once a minute. */
export type Kind = "param" | "const" | "json" | "cached";

export interface Plan {
  readonly name: string;
  readonly kind: Kind;
  /** Route patterns, in the order of definition. */
  readonly routes: readonly string[];
  /** One before hook and one after hook, both synchronous, around every route. */
  readonly hooks: boolean;
}

export interface Probe {
  readonly path: string;
  readonly status: number;
  readonly body: string;
  /** Start of the content type: peers differ in what follows (`;charset=utf-8` and the like). */
  readonly family: string;
}

/** What the `const` and `json` plans answer. */
export const healthy = { status: "healthy" };

/** What the control answers to every parameter route: as long as any real answer, or bytes would be compared. */
export const fixedId = "10001";

/** With the `hooks` plan only: answers how often the hooks ran, or nobody could tell that they did. */
export const hooksPath = "/hooks-ran";

export function planOf(name: string): Plan {
  const rule = Object.entries(plans).find(([key]) => key === name)?.[1];
  if (rule === undefined) {
    throw new TypeError(`There is no plan "${name}": ${Object.keys(plans).join(", ")}`);
  }
  return {
    name,
    kind: kindOf(rule.kind),
    routes: Array.from({ length: rule.count }, (_, index) =>
      rule.route.replace("{n}", String(index)),
    ),
    hooks: "hooks" in rule,
  };
}

/**
 * Every request that is sent: each route at least once, at least 1,000 in all, every id five digits long, shuffled so
 * that neither branch predictor nor cache can follow the order of definition.
 */
export function probesOf(plan: Plan, answersFixedId: boolean): Probe[] {
  if (plan.kind !== "param") {
    const body = JSON.stringify(healthy);
    return plan.routes.map((path) => ({ path, status: 200, body, family: "application/json" }));
  }
  const count = Math.max(1_000, plan.routes.length);
  const probes = Array.from({ length: count }, (_, index): Probe => {
    const id = String(10_000 + ((index * 7_919) % 90_000));
    const route = plan.routes[index % plan.routes.length] ?? "";
    const body = answersFixedId ? fixedId : id;
    return { path: route.replace(":id", id), status: 200, body, family: "text/plain" };
  });
  return shuffle(probes);
}

function kindOf(text: string): Kind {
  if (text === "param" || text === "const" || text === "json" || text === "cached") return text;
  throw new TypeError(`plans.json: there is no kind "${text}"`);
}

/** Fisher and Yates with a fixed seed: every subject, round and run gets the same order. */
export function shuffle<Item>(items: readonly Item[]): Item[] {
  const shuffled = [...items];
  let state = 1;
  for (let last = shuffled.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}

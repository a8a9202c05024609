/** What is asked of a plan and what has to be answered: compared before a subject is timed, then sent under load. */
import { contentOf } from "./harness/files.ts";
import { fixedId, healthy, type Plan } from "./plan.ts";

export interface Probe {
  readonly path: string;
  /** Sent as JSON with POST; without it the request is a GET. */
  readonly sent?: string;
  readonly status: number;
  readonly body: string;
  /** Start of the content type: peers differ in what follows (`;charset=utf-8` and the like). */
  readonly family: string;
}

/** Many different requests, or a branch predictor would be measured. */
const probes_min = 1_000;

/**
 * Every request that is sent: each route at least once, at least 1,000 in all where requests can differ, every id five
 * digits long, shuffled so that neither branch predictor nor cache can follow the order of definition.
 */
export function probesOf(plan: Plan, answersFixedId: boolean): Probe[] {
  const { routes } = plan;
  switch (plan.kind) {
    case "param":
      return many(routes, (route, index): Probe => {
        const id = idOf(index);
        const body = answersFixedId ? fixedId : id;
        return { path: route.replace(":id", id), status: 200, body, family: "text/plain" };
      });
    case "post":
      return many(routes, (path, index): Probe => {
        const body = userOf(index);
        return { path, sent: body, status: 200, body, family: json };
      });
    case "coercion":
      return many(routes, (route, index): Probe => itemOf(route, index));
    case "static":
      return routes.map((path) => {
        const body = contentOf(path.slice(path.lastIndexOf("/") + 1));
        return { path, status: 200, body, family: "text/plain" };
      });
    case "const":
    case "json":
      return routes.map((path) => {
        return { path, status: 200, body: JSON.stringify(healthy), family: json };
      });
  }
}

/** Requests that break the schemas: each has to be answered 400 or 422, or there is no schema. Never sent under load. */
export function refusedOf({ kind, routes, checks }: Plan): Pick<Probe, "path" | "sent">[] {
  const path = routes[0] ?? "";
  if (checks === "nothing") return [];
  if (kind === "post") return brokenUsers.map((sent) => ({ path, sent }));
  return brokenItems.map(([id, query]) => ({ path: `${path.replace(":id", id)}?${query}` }));
}

const json = "application/json";

/** The limits that all schemas set: 1 to 100 characters, an age of at least 0. No peer coerces any of these. */
const brokenUsers = [
  '{"name":"user10001","age":37}',
  '{"name":"user10001","age":"old","active":true}',
  '{"name":"user10001","age":37,"active":"maybe"}',
  '{"name":"","age":37,"active":true}',
  '{"name":"user10001","age":-1,"active":true}',
  '{"name":"user10001","age":37,"active":true',
];

/** The limits that all schemas set: a page of at least 1, 1 to 100 items. */
const brokenItems: readonly (readonly [id: string, query: string])[] = [
  ["first", "page=2&limit=20&active=true"],
  ["10001", "page=two&limit=20&active=true"],
  ["10001", "page=0&limit=20&active=true"],
  ["10001", "page=2&limit=101&active=true"],
  ["10001", "page=2&limit=20&active=maybe"],
  ["10001", "page=2&limit=20"],
];

function many(routes: readonly string[], make: (route: string, index: number) => Probe): Probe[] {
  const count = Math.max(probes_min, routes.length);
  return shuffle(
    Array.from({ length: count }, (_, index) => make(routes[index % routes.length] ?? "", index)),
  );
}

function idOf(index: number): string {
  return String(10_000 + ((index * 7_919) % 90_000));
}

function userOf(index: number): string {
  return JSON.stringify({
    name: `user${idOf(index)}`,
    age: 10 + (index % 90),
    active: index % 2 === 0,
  });
}

function itemOf(route: string, index: number): Probe {
  const item = {
    id: Number(idOf(index)),
    page: 1 + (index % 9),
    limit: 10 + (index % 90),
    active: index % 2 === 0,
  };
  const query = `page=${item.page}&limit=${item.limit}&active=${item.active}`;
  const path = `${route.replace(":id", String(item.id))}?${query}`;
  return { path, status: 200, body: JSON.stringify(item), family: json };
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

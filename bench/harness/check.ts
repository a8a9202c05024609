/** No figure without a right answer: every request of a scenario is asked for and compared before it is timed. */
import { hooksPath, type Plan } from "../plan.ts";
import { type Probe, probesOf, refusedOf } from "../probes.ts";
import type { Subject } from "../subjects.ts";

/** Enough to keep slow subjects bearable, few enough for any backlog. */
const parallel = 16;

/**
 * @param most how many of the requests are asked; the later rounds of a subject ask only a few.
 * @returns the first difference in words, or undefined if all is right.
 */
export async function findWrongAnswer(
  origin: string,
  subject: Subject,
  plan: Plan,
  most = Number.POSITIVE_INFINITY,
): Promise<string | undefined> {
  const probes = probesOf(plan, subject.answersFixedId ?? false);
  const queue = probes.slice(0, Math.min(probes.length, most));
  if (subject.routes) {
    queue.push({ path: "/no/such/route", status: 404, body: "", family: "" });
  }
  const asked = queue.length;
  let wrong: string | undefined;
  const worker = async () => {
    for (let probe = queue.pop(); probe && wrong === undefined; probe = queue.pop()) {
      wrong ??= await compare(origin, probe);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  if (wrong === undefined && plan.hooks) wrong = await compareHooks(origin, asked - 1);
  for (const probe of refusedOf(plan)) wrong ??= await compareRefusal(origin, probe);
  return wrong;
}

async function compare(origin: string, probe: Probe): Promise<string | undefined> {
  const response = await ask(origin, probe);
  const body = await response.text();
  const type = response.headers.get("content-type") ?? "";
  if (response.status !== probe.status) {
    return `${probe.path} answered ${response.status}, not ${probe.status}`;
  }
  // Which words a subject has for 404 is its own affair.
  if (probe.status === 404) return undefined;
  if (body !== probe.body) {
    return `${probe.path} answered ${JSON.stringify(body.slice(0, 40))}, not ${JSON.stringify(probe.body)}`;
  }
  if (!type.startsWith(probe.family)) return `${probe.path} is "${type}", not "${probe.family}"`;
  return undefined;
}

/** Without it, a peer whose schema does nothing would be the fastest. */
async function compareRefusal(
  origin: string,
  probe: Pick<Probe, "path" | "sent">,
): Promise<string | undefined> {
  const response = await ask(origin, probe);
  await response.arrayBuffer();
  if (response.status === 400 || response.status === 422) return undefined;
  return `${probe.path} ${probe.sent ?? ""} answered ${response.status}, not 400 or 422`;
}

function ask(origin: string, { path, sent }: Pick<Probe, "path" | "sent">): Promise<Response> {
  if (sent === undefined) return fetch(origin + path);
  const headers = { "content-type": "application/json" };
  return fetch(origin + path, { method: "POST", headers, body: sent });
}

async function compareHooks(origin: string, asked: number): Promise<string | undefined> {
  const answer = await (await fetch(origin + hooksPath)).text();
  const counts = answer.split(",").map(Number);
  if (counts.length === 2 && counts.every((count) => count >= asked)) return undefined;
  return `hooks ran ${answer} times for ${asked} requests`;
}

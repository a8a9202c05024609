/** What every subject in TypeScript is told and says: `bun subjects/<name>.ts <plan> [port]` prints `listening <port>`. */
import { type Plan, planOf } from "../plan.ts";

export const host = "127.0.0.1";

export function subjectArguments(): { plan: Plan; port: number } {
  return { plan: planOf(process.argv[2] ?? "param-10"), port: Number(process.argv[3] ?? 0) };
}

export function listening(port: number | undefined): void {
  console.log(`listening ${port}`);
}

/** For subjects that cannot serve a plan: better no process than one that answers something else. */
export function refuse(plan: Plan): never {
  throw new TypeError(`This subject does not serve the plan ${plan.name}`);
}

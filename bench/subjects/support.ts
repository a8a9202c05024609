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

/** The body of the `post` plans. */
export interface User {
  readonly name: string;
  readonly age: number;
  readonly active: boolean;
}

/** What handlers answer to it: an object of their own, not the one that was parsed. */
export function userOf({ name, age, active }: User): User {
  return { name, age, active };
}

/** With a response schema there is one field more, as a row of a database has: the schema has to drop it. */
export function userRecordOf({ name, age, active }: User): User & { readonly password: string } {
  return { name, age, active, password: "never sent" };
}

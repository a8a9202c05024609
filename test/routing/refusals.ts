/** The error that a wrong definition must end with. */
import { RobynError } from "../../src/index.ts";

export async function errorOf(promise: Promise<unknown>): Promise<RobynError> {
  try {
    await promise;
  } catch (error) {
    return requireRobynError(error);
  }
  throw new Error("nothing was refused");
}

export function thrownBy(run: () => unknown): RobynError {
  try {
    run();
  } catch (error) {
    return requireRobynError(error);
  }
  throw new Error("nothing was refused");
}

function requireRobynError(error: unknown): RobynError {
  if (error instanceof RobynError) return error;
  throw error;
}

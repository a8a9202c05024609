/** The command line. The only reader of `process.argv`; the library itself never looks at it. */
import "../bun-version.ts";
import { RobynError } from "../errors.ts";
import { buildProgram } from "./arguments.ts";

/** Runs a command and ends the process with 1 if it fails, after one clear message. */
export async function main(): Promise<void> {
  process.on("unhandledRejection", failBeforeListening);
  try {
    await buildProgram().parseAsync(process.argv);
  } catch (error) {
    fail(error);
  }
}

/**
 * `app.start()` is often not awaited, so its failure arrives here. Once the server listens, a promise that an
 * application forgot to await must not end it: it is logged.
 */
let listening = false;

/** @internal called by the commands */
export function markListening(): void {
  listening = true;
}

function failBeforeListening(error: unknown): void {
  if (!listening) fail(error);
  console.error("unhandled rejection:", error);
}

/** Mistakes that we have a sentence for are told by it alone; anything else needs its stack. */
export function fail(error: unknown): never {
  console.error(error instanceof RobynError ? `robyn: ${error.message}` : error);
  process.exit(1);
}

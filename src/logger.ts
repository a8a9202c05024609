/** The log: four levels, one line each. Any object with these four methods can take its place. */

export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Writes to stderr: coloured text in a terminal (unless `NO_COLOR` is set), else one JSON object per line with
 * `time` (ISO 8601), `level`, `message` and, where given, `error` and `details`.
 */
export function createLogger(level: LogLevel = "info"): Logger {
  const least = logLevels.indexOf(level);
  const write =
    (name: LogLevel) =>
    (message: string, ...details: unknown[]) => {
      if (logLevels.indexOf(name) < least) return;
      process.stderr.write(
        process.stderr.isTTY
          ? formatText(name, message, details)
          : formatLine(name, message, details),
      );
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

const colours = { debug: "34", info: "32", warn: "33", error: "31" } as const;

function formatText(level: LogLevel, message: string, details: unknown[]): string {
  const tag = level.padEnd(5);
  const coloured = process.env.NO_COLOR ? tag : `\x1b[${colours[level]}m${tag}\x1b[0m`;
  const rest = details.map((detail) => `\n${Bun.inspect(detail)}`).join("");
  return `${coloured} ${message}${rest}\n`;
}

function formatLine(level: LogLevel, message: string, details: unknown[]): string {
  const record: Record<string, unknown> = { time: new Date().toISOString(), level, message };
  const others = details.filter((detail) => !(detail instanceof Error));
  const error = details.find((detail) => detail instanceof Error);
  if (error !== undefined) record.error = describe(error);
  if (others.length > 0) record.details = others;
  try {
    return `${JSON.stringify(record)}\n`;
  } catch {
    return `${JSON.stringify({ ...record, details: Bun.inspect(others) })}\n`;
  }
}

function describe(error: Error): Record<string, unknown> {
  const cause = error.cause instanceof Error ? describe(error.cause) : error.cause;
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(cause === undefined ? {} : { cause }),
  };
}

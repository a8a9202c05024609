/** Loggers for tests: one that is silent, one that remembers. */
import type { Logger, LogLevel } from "robyn";

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly details: readonly unknown[];
}

export interface RecordingLogger extends Logger {
  readonly records: LogRecord[];
  /** Everything of `error` level as one text: messages, error messages and their causes. */
  errors(): string;
}

export function recordingLogger(): RecordingLogger {
  const records: LogRecord[] = [];
  const write =
    (level: LogLevel) =>
    (message: string, ...details: unknown[]) => {
      records.push({ level, message, details });
    };
  return {
    records,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    errors: () =>
      records
        .filter(({ level }) => level === "error")
        .map(({ message, details }) => [message, ...details.map((it) => Bun.inspect(it))].join(" "))
        .join("\n"),
  };
}

/** For tests that provoke errors on purpose: their output would only hide the failure of another test. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

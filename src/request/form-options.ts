/** What a form may be: the limits of a multipart or urlencoded body, by name. */
import { RobynError } from "../errors.ts";

export interface FormOptions {
  /** Most fields and files together. Default 1,000. */
  maxParts?: number;
  /** Bytes of all text fields together, names included. Default 1 MiB. */
  maxFieldsSize?: number;
  /** Bytes of one file. Default: the body limit. */
  maxFileSize?: number;
  /** Bytes of the name of a field or of a file. Default 256. */
  maxNameLength?: number;
  /** Bytes of the headers of one part. Default 8 KiB. */
  maxHeaderSize?: number;
  /** Bytes of a file that are kept in memory; a larger one goes to disk, and all do above four times that. Default 256 KiB. */
  maxMemory?: number;
  /** Where files go that are too large for memory. Default: the system's directory for temporary files. */
  directory?: string;
}

/** Every limit set; the size of a file and the directory are known only with the request. */
export type FormLimits = Required<Omit<FormOptions, "maxFileSize" | "directory">> &
  Pick<FormOptions, "maxFileSize" | "directory">;

const defaults = {
  maxParts: 1_000,
  maxFieldsSize: 1_048_576,
  maxNameLength: 256,
  maxHeaderSize: 8_192,
  maxMemory: 262_144,
} as const;

const names: readonly string[] = [...Object.keys(defaults), "maxFileSize", "directory"];

/** @throws RobynError ROBYN_OPTION_INVALID for an unknown name or a value that is no whole number. */
export function formLimits(...options: readonly FormOptions[]): FormLimits {
  const limits: FormLimits = Object.assign({ ...defaults }, ...options.map(given));
  return limits;
}

function given(options: FormOptions): FormOptions {
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) {
      throw new RobynError(
        "ROBYN_OPTION_INVALID",
        `A form was given the unknown option "${name}".`,
        `It takes ${names.join(", ")}.`,
      );
    }
    const fits =
      name === "directory"
        ? typeof value === "string" && value !== ""
        : Number.isSafeInteger(value) && Number(value) >= 0;
    if (fits || value === undefined) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `A form was given ${JSON.stringify(value)} as ${name}.`,
      name === "directory"
        ? "It takes the path of a directory."
        : "It takes a whole number, 0 or more.",
    );
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

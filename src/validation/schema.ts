/**
 * One interface over every schema: TypeBox and plain JSON Schema on one side, any Standard Schema (Zod, Valibot,
 * ArkType, …) on the other. Whoever validates sees neither.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { StaticDecode, TSchema } from "typebox";
import { jsonSchemaValidator } from "./json-schema-validator.ts";
import { standardValidator } from "./standard-validator.ts";

/** TypeBox, plain JSON Schema, or a Standard Schema (https://standardschema.dev). */
export type Schema = TSchema | StandardSchemaV1;

/** The type of a validated value. */
export type Infer<Given> = Given extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<Given>
  : Given extends TSchema
    ? StaticDecode<Given>
    : unknown;

/** The type of a value before its schema has seen it: what a handler returns, and transformations and defaults work on. */
export type InferGiven<Given> = Given extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<Given>
  : Infer<Given>;

/** One fault: where (JSON Pointer, RFC 6901) and what. The value itself is never repeated. */
export interface Issue {
  readonly pointer: string;
  readonly detail: string;
}

export type Result = { readonly value: unknown } | { readonly issues: readonly Issue[] };

export interface Validator {
  /** Checks `value`, which may be taken over into the result but is never changed. */
  validate(value: unknown): Result | Promise<Result>;
  /** The same for an object whose values are strings: they are coerced to what the schema asks for. */
  validateStrings(value: Readonly<Record<string, unknown>>): Result | Promise<Result>;
  /** Checks an answer and drops what the schema does not declare. */
  validateAnswer(value: unknown): Result | Promise<Result>;
}

/** The validator of a schema; made on first use and kept as long as the schema. */
export function validatorOf(schema: Schema): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const validator = isStandardSchema(schema)
    ? standardValidator(schema)
    : jsonSchemaValidator(schema);
  validators.set(schema, validator);
  return validator;
}

const validators = new WeakMap<Schema, Validator>();

/** ArkType's schemas are functions, all others objects. */
export function isSchema(value: unknown): value is Schema {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

export function isStandardSchema(schema: Schema): schema is StandardSchemaV1 {
  return "~standard" in schema;
}

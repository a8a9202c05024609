/**
 * TypeBox and plain JSON Schema, on `typebox/compile`, which is loaded with the first schema that is used.
 * Where code generation is forbidden, TypeBox interprets the schema instead; the verdicts are the same.
 */
import type { TSchema } from "typebox";
import type { Validator as CompiledSchema } from "typebox/compile";
import { coercionOf } from "./coercion.ts";
import { fileIssues, hasFiles } from "./files.ts";
import { escapePointer, type JsonSchema } from "./json-schema.ts";
import { type Definitions, pickByValue } from "./pick-by-value.ts";
import { pickOf } from "./pick.ts";
import type { Issue, Result, Validator } from "./schema.ts";

export function jsonSchemaValidator(schema: TSchema): Validator {
  const { Compile } = require("typebox/compile") as typeof import("typebox/compile");
  const compiled = Compile(schema);
  const json = schema as JsonSchema;
  const decodes = hasCodec(schema);
  const files = hasFiles(json);
  const coerce = coercionOf(json);
  const pick = pickOf(json) ?? pickByValue(json, matchesPart);

  const validate = (value: unknown): Result => {
    const isValid = compiled.Check(value);
    const issues = files ? fileIssues(json, value) : none;
    if (!isValid || issues.length > 0)
      return { issues: isValid ? issues : [...issuesOf(compiled, value), ...issues] };
    return decodes ? decode(compiled, value) : { value };
  };
  return {
    validate,
    validateStrings: (value) => validate(coerce(value)),
    validateAnswer(value) {
      // A codec encodes on the way out, `Date` to its text for one.
      const encoded = decodes ? tryEncode(compiled, value) : value;
      return compiled.Check(encoded)
        ? { value: pick(encoded) }
        : { issues: issuesOf(compiled, encoded) };
    },
  };
}

const none: readonly Issue[] = [];

/** Whether a value matches a part of a schema, a branch of a union for one; compiled once, as whole schemas are. */
export function matchesPart(part: JsonSchema, value: unknown, definitions: Definitions): boolean {
  let compiled = parts.get(part);
  if (compiled === undefined) {
    const { Compile } = require("typebox/compile") as typeof import("typebox/compile");
    const whole: JsonSchema & { $defs?: Definitions } = { ...part };
    if (Object.keys(definitions).length > 0) whole.$defs = { ...definitions };
    compiled = Compile(whole as TSchema);
    parts.set(part, compiled);
  }
  return compiled.Check(value);
}

const parts = new WeakMap<JsonSchema, CompiledSchema>();

/** TypeBox marks codecs with a hidden key. */
function hasCodec(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return "~codec" in schema || Object.values(schema).some(hasCodec);
}

/** A decoder has no other way to refuse what the schema took: `new URL(text)` throws, and the client sent the text. */
function decode(compiled: CompiledSchema, value: unknown): Result {
  try {
    return { value: compiled.Decode(value) };
  } catch {
    return { issues: [{ pointer: "", detail: "has a value that cannot be decoded" }] };
  }
}

function tryEncode(compiled: CompiledSchema, value: unknown): unknown {
  try {
    return compiled.Encode(value);
  } catch {
    return value;
  }
}

/** Most issues in one answer: a hostile body must not make a long one. */
const issues_max = 64;

/**
 * One issue per fault: a missing property at its own pointer, a union as one sentence instead of one per branch.
 */
function issuesOf(compiled: CompiledSchema, value: unknown): Issue[] {
  const errors = errorsOf(compiled, value);
  const unions = errors.filter((error) => error.keyword === "anyOf" || error.keyword === "oneOf");
  const issues: Issue[] = [];
  for (const error of errors) {
    if (issues.length === issues_max) break;
    if (error.keyword === "additionalProperties") continue;
    if (
      unions.some((union) => union !== error && error.schemaPath.startsWith(`${union.schemaPath}/`))
    )
      continue;
    if (error.keyword === "required") {
      for (const name of error.params.requiredProperties.slice(0, issues_max - issues.length)) {
        issues.push({
          pointer: `${error.instancePath}/${escapePointer(name)}`,
          detail: "is required",
        });
      }
      continue;
    }
    if (error.keyword === "type" && hasLiteral(error, errors)) continue;
    issues.push({ pointer: error.instancePath, detail: detailOf(error, errors) });
  }
  return issues;
}

type SchemaError = ReturnType<CompiledSchema["Errors"]>[number];

/** TypeBox stops at 8 unless it is told otherwise, and its setting is global: it is put back at once. */
function errorsOf(compiled: CompiledSchema, value: unknown): readonly SchemaError[] {
  const { Settings } = require("typebox/system") as typeof import("typebox/system");
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: errors_max });
  try {
    return compiled.Errors(value);
  } finally {
    Settings.Set({ maxErrors });
  }
}

/** More than issues: each branch of a union has errors of its own before that of the union. */
const errors_max = 512;

/** Whether the same place says which values it takes: that says more than their type. */
function hasLiteral(
  { schemaPath, instancePath }: SchemaError,
  all: readonly SchemaError[],
): boolean {
  return all.some(
    (other) =>
      (other.keyword === "const" || other.keyword === "enum") &&
      other.schemaPath === schemaPath &&
      other.instancePath === instancePath,
  );
}

function detailOf(error: SchemaError, all: readonly SchemaError[]): string {
  switch (error.keyword) {
    case "boolean":
      return "is not allowed";
    case "const":
      return `must be ${JSON.stringify(error.params.allowedValue)}`;
    case "enum":
      return `must be ${error.params.allowedValues.map((it) => JSON.stringify(it)).join(" or ")}`;
    case "anyOf":
    case "oneOf":
      return unionDetail(error, all);
    default:
      return error.message;
  }
}

function unionDetail(error: SchemaError, all: readonly SchemaError[]): string {
  const branches = all.filter(
    (other) =>
      other.schemaPath.startsWith(`${error.schemaPath}/`) &&
      other.instancePath === error.instancePath &&
      !(other.keyword === "type" && hasLiteral(other, all)),
  );
  const wanted = new Set(branches.map((branch) => detailOf(branch, all).replace(/^must be /, "")));
  return wanted.size === 0 ? error.message : `must be ${[...wanted].join(" or ")}`;
}

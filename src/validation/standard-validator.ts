/** Any Standard Schema. Strings are coerced where the vendor can tell its JSON Schema. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Coerce, coercionOf } from "./coercion.ts";
import type { JsonSchema } from "./json-schema.ts";
import { escapePointer } from "./json-schema-validator.ts";
import type { Issue, Result, Validator } from "./schema.ts";

export function standardValidator(schema: StandardSchemaV1): Validator {
  const standard = schema["~standard"];
  let coerce: Coerce | undefined;
  const validate = (value: unknown): Result | Promise<Result> => {
    const outcome = standard.validate(value);
    return outcome instanceof Promise ? outcome.then(toResult) : toResult(outcome);
  };
  return {
    validate,
    validateStrings(value) {
      coerce ??= coercionOf(readJsonSchema(schema) ?? {});
      // Vendors refuse objects without prototype or answer with keys of them: an ordinary copy serves all.
      return validate(coerce({ ...value }));
    },
    // The output of a Standard Schema is what its vendor makes of the value; most drop unknown keys.
    validateAnswer: validate,
  };
}

function toResult(outcome: StandardSchemaV1.Result<unknown>): Result {
  if (outcome.issues === undefined) return { value: outcome.value };
  return { issues: outcome.issues.map(toIssue) };
}

function toIssue(issue: StandardSchemaV1.Issue): Issue {
  const keys = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part));
  return {
    pointer: keys.map((key) => `/${escapePointer(String(key))}`).join(""),
    detail: issue.message,
  };
}

/** `StandardJSONSchemaV1`: Zod and ArkType have it; Valibot needs its own package beside it. */
function readJsonSchema(schema: StandardSchemaV1): JsonSchema | undefined {
  const standard: object = schema["~standard"];
  if ("jsonSchema" in standard && isConverter(standard.jsonSchema)) {
    return tryConvert(() => (standard.jsonSchema as Converter).input({ target: "draft-2020-12" }));
  }
  if ("vendor" in standard && standard.vendor === "valibot") {
    return tryConvert(() =>
      require("@valibot/to-json-schema").toJsonSchema(schema, { errorMode: "ignore" }),
    );
  }
  return undefined;
}

interface Converter {
  input(options: { target: string }): JsonSchema;
}

function isConverter(value: unknown): value is Converter {
  return (
    typeof value === "object" &&
    value !== null &&
    "input" in value &&
    typeof value.input === "function"
  );
}

/** A type without JSON Schema (a transformation, say) is no error: its strings are given as they are. */
function tryConvert(convert: () => JsonSchema): JsonSchema | undefined {
  try {
    return convert();
  } catch {
    return undefined;
  }
}

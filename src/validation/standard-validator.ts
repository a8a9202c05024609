/** Any Standard Schema. Strings are coerced where the vendor can tell its JSON Schema. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Coerce, coercionOf } from "./coercion.ts";
import { escapePointer, type JsonSchema } from "./json-schema.ts";
import { matchesPart } from "./json-schema-validator.ts";
import { type Pick, pickOf } from "./pick.ts";
import { pickByValue } from "./pick-by-value.ts";
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
    validateAnswer: standard.vendor === "arktype" ? andPick(schema, validate) : validate,
  };
}

/**
 * Zod, Valibot and most others drop undeclared fields themselves; ArkType keeps them, and its own way to drop them
 * refuses unions. Its JSON Schema tells what is declared.
 */
function andPick(schema: StandardSchemaV1, validate: Validator["validate"]): Validator["validate"] {
  let pick: Pick | undefined;
  const picked = (result: Result): Result => {
    if ("issues" in result) return result;
    if (pick === undefined) {
      const json = readJsonSchema(schema, "output") ?? {};
      pick = pickOf(json) ?? pickByValue(json, matchesPart);
    }
    return { value: pick(result.value) };
  };
  return (value) => {
    const result = validate(value);
    return result instanceof Promise ? result.then(picked) : picked(result);
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
function readJsonSchema(
  schema: StandardSchemaV1,
  side: "input" | "output" = "input",
): JsonSchema | undefined {
  const standard = schema["~standard"];
  if ("jsonSchema" in standard && isConverter(standard.jsonSchema)) {
    const converter = standard.jsonSchema;
    return tryConvert(() =>
      converter[side]({ target: "draft-2020-12", libraryOptions: leniency[standard.vendor] }),
    );
  }
  if (standard.vendor === "valibot") {
    return tryConvert(() =>
      require("@valibot/to-json-schema").toJsonSchema(schema, { errorMode: "ignore" }),
    );
  }
  return undefined;
}

/** For one part without JSON form, a Date say, vendors give up the whole schema unless they are told to pass over it. */
const leniency: Readonly<Record<string, object>> = {
  arktype: { fallback: ({ base }: { base: JsonSchema }) => base },
  zod: { unrepresentable: "any" },
};

type Converter = Record<
  "input" | "output",
  (options: { target: string; libraryOptions?: object }) => JsonSchema
>;

function isConverter(value: unknown): value is Converter {
  return (
    typeof value === "object" &&
    value !== null &&
    "input" in value &&
    typeof value.input === "function" &&
    "output" in value &&
    typeof value.output === "function"
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

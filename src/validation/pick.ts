/** Drops undeclared fields from answers, so that a password hash in a row from the database cannot slip out. */
import type { JsonSchema } from "./json-schema.ts";

export type Pick = (value: unknown) => unknown;

/**
 * Folds a schema into a function that copies what is declared. Objects that allow additional properties explicitly
 * keep them. Returns undefined where the schema's form does not tell (unions, references): the validator cleans then.
 */
export function pickOf(schema: JsonSchema): Pick | undefined {
  if (
    schema.anyOf !== undefined ||
    schema.oneOf !== undefined ||
    schema.allOf !== undefined ||
    "$ref" in schema
  ) {
    return undefined;
  }
  if (schema.type === "array") return arrayPick(schema);
  if (schema.type !== "object" || schema.properties === undefined) return keep;
  if (schema.patternProperties !== undefined) return undefined;
  return objectPick(schema.properties, schema.additionalProperties);
}

function arrayPick({ items }: JsonSchema): Pick | undefined {
  if (items === undefined) return keep;
  const pick = pickOf(items);
  if (pick === undefined || pick === keep) return pick;
  return (value) => (Array.isArray(value) ? value.map(pick) : value);
}

function objectPick(
  properties: Readonly<Record<string, JsonSchema>>,
  additional: boolean | JsonSchema | undefined,
): Pick | undefined {
  const keepsOthers = additional !== undefined && additional !== false;
  const fields: (readonly [string, Pick])[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const pick = pickOf(property);
    if (pick === undefined) return undefined;
    fields.push([name, pick]);
  }
  return (value) => {
    if (typeof value !== "object" || value === null) return value;
    const source = value as Readonly<Record<string, unknown>>;
    const copy: Record<string, unknown> = keepsOthers ? { ...source } : {};
    for (const [name, pick] of fields) {
      const field = source[name];
      if (field !== undefined) copy[name] = pick(field);
    }
    return copy;
  };
}

function keep(value: unknown): unknown {
  return value;
}

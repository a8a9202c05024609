/** Drops undeclared fields from answers, so that a password hash in a row from the database cannot slip out. */
import { isList, type JsonSchema } from "./json-schema.ts";

export type Pick = (value: unknown) => unknown;

/**
 * Folds a schema into a function that copies what is declared. Objects that allow additional properties explicitly
 * keep them. Returns undefined where the form of the schema does not tell: then `pick-by-value.ts` looks at the value.
 */
export function pickOf(schema: JsonSchema): Pick | undefined {
  if (Object.keys(schema).some((key) => undecided.has(key))) return undefined;
  const { type, items, properties, additionalProperties } = schema;
  if (type === "array") return arrayPick(items);
  if (typeof additionalProperties === "object") return undefined;
  if (type === "object" && properties !== undefined)
    return objectPick(properties, additionalProperties);
  return properties === undefined && additionalProperties === undefined && items === undefined
    ? keep
    : undefined;
}

/** Keywords by which the value decides what is declared. */
const undecided: ReadonlySet<string> = new Set([
  "anyOf",
  "oneOf",
  "allOf",
  "$ref",
  "if",
  "patternProperties",
  "unevaluatedProperties",
  "dependentSchemas",
  "prefixItems",
]);

function arrayPick(items: JsonSchema["items"]): Pick | undefined {
  if (items === undefined || typeof items === "boolean") return keep;
  if (isList(items)) return undefined;
  const pick = pickOf(items);
  if (pick === undefined || pick === keep) return pick;
  return (value) => (Array.isArray(value) ? value.map(pick) : value);
}

function objectPick(
  properties: Readonly<Record<string, JsonSchema>>,
  additional: boolean | undefined,
): Pick | undefined {
  const keepsOthers = additional === true;
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

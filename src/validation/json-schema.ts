/** The part of JSON Schema (draft 2020-12) that is read here: to coerce strings and to drop undeclared fields. */

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  /** A list is how TypeBox, and drafts before 2020-12, write `prefixItems`; what follows is `additionalItems` there. */
  readonly items?: boolean | JsonSchema | readonly JsonSchema[];
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalItems?: boolean | JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly unevaluatedProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly dependentSchemas?: Readonly<Record<string, JsonSchema>>;
  readonly $id?: string;
  readonly $ref?: string;
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly else?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  /** Set by `t.File` and `t.Files`. */
  readonly "x-robyn-file"?: FileRules;
}

/** What an uploaded file must be. */
export interface FileRules {
  /** Largest size in bytes. */
  readonly maxSize?: number;
  /** Media types, `image/*` for a whole family. What the client declared is compared, not the content. */
  readonly types?: readonly string[];
}

/** The alternatives of a schema: itself, or the branches of a union. */
export function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? schema.oneOf ?? [schema];
}

/** Whether the schema allows values of this JSON type. */
export function allowsType(schema: JsonSchema, type: string): boolean {
  return schema.type === type || (Array.isArray(schema.type) && schema.type.includes(type));
}

/** The schema of an item of an array, or undefined where there is none. */
export function itemSchema(schema: JsonSchema, index: number): JsonSchema | undefined {
  const { items } = schema;
  const isTuple = isList(items);
  const first = schema.prefixItems ?? (isTuple ? items : []);
  const found = first[index] ?? (isTuple ? schema.additionalItems : items);
  return typeof found === "object" && !isList(found) ? found : undefined;
}

/** `Array.isArray` does not narrow readonly lists. */
export function isList(items: JsonSchema["items"]): items is readonly JsonSchema[] {
  return Array.isArray(items);
}

/** Schemas of a field of an object: of its name, of patterns that its name matches, else of additional ones. */
export function fieldSchemas(schema: JsonSchema, name: string): readonly JsonSchema[] {
  const { properties = {}, patternProperties = {} } = schema;
  const found = Object.hasOwn(properties, name) ? [properties[name]!] : [];
  for (const [pattern, inner] of Object.entries(patternProperties))
    if (regExpOf(pattern).test(name)) found.push(inner);
  if (found.length > 0) return found;
  const others = schema.additionalProperties ?? schema.unevaluatedProperties;
  if (others === undefined || others === false) return [];
  return [others === true ? {} : others];
}

/** A name as a token of a JSON Pointer (RFC 6901 §3). */
export function escapePointer(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Patterns stand in schemas, so there are as many as the application wrote. */
function regExpOf(pattern: string): RegExp {
  const known = regExps.get(pattern) ?? new RegExp(pattern, "u");
  regExps.set(pattern, known);
  return known;
}

const regExps = new Map<string, RegExp>();

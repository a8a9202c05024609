/** The part of JSON Schema (draft 2020-12) that is read here: to coerce strings and to drop undeclared fields. */

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
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

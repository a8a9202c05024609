/**
 * Drops undeclared fields where the form of a schema alone does not tell which those are: unions, intersections,
 * references, records, tuples, and what is written without `type`. Slower than `pick.ts`, and complete.
 *
 * A field is declared by `properties`, `patternProperties`, `additionalProperties` or `unevaluatedProperties` of the
 * schema itself or of one that applies to the value beside it (JSON Schema 2020-12 §10.2: `allOf`, the branches of a
 * union that match, `if`, `$ref`). Values that no schema says anything about the fields of stay as they are.
 */
import { fieldSchemas, itemSchema, type JsonSchema } from "./json-schema.ts";

/** Whether a value matches a part of the schema; `definitions` are those that its references may name. */
export type Matches = (part: JsonSchema, value: unknown, definitions: Definitions) => boolean;
export type Definitions = Readonly<Record<string, JsonSchema>>;

export function pickByValue(schema: JsonSchema, matches: Matches): (value: unknown) => unknown {
  const picker = new Picker(schema, matches);
  return (value) => picker.pick([schema], value);
}

class Picker {
  readonly #definitions: Record<string, JsonSchema> = Object.create(null);
  readonly #matches: Matches;

  constructor(root: JsonSchema, matches: Matches) {
    this.#matches = matches;
    this.#collectDefinitions(root);
  }

  pick(schemas: readonly JsonSchema[], value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const applied = new Set<JsonSchema>();
    for (const schema of schemas) this.#apply(schema, value, applied);
    return Array.isArray(value)
      ? this.#pickItems([...applied], value)
      : this.#pickFields([...applied], value);
  }

  /** Collects `schema` and what applies to the value beside it. */
  #apply(schema: JsonSchema, value: object, applied: Set<JsonSchema>): void {
    if (typeof schema !== "object" || applied.has(schema)) return;
    applied.add(schema);
    const apply = (other: JsonSchema): void => this.#apply(other, value, applied);
    const matches = (other: JsonSchema): boolean => this.#matches(other, value, this.#definitions);
    if (schema.$ref !== undefined) apply(this.#definitions[nameOf(schema.$ref)] ?? nothing);
    schema.allOf?.forEach(apply);
    for (const branches of [schema.anyOf ?? [], schema.oneOf ?? []]) {
      const matching = branches.filter(matches);
      // The value has passed as a whole; where no branch can tell, what any of them declares may stay, and no more.
      (matching.length > 0 ? matching : branches).forEach(apply);
    }
    if (schema.if !== undefined) {
      const isMet = matches(schema.if);
      if (isMet) apply(schema.if);
      const branch = isMet ? schema.then : schema.else;
      if (branch !== undefined) apply(branch);
    }
    for (const [name, dependent] of Object.entries(schema.dependentSchemas ?? {}))
      if (Object.hasOwn(value, name)) apply(dependent);
  }

  #pickFields(schemas: readonly JsonSchema[], value: object): unknown {
    if (!schemas.some(declaresFields)) return value;
    const copy: Record<string, unknown> = {};
    for (const name of namesOf(schemas, value)) {
      const field: unknown = Reflect.get(value, name);
      const declared = schemas.flatMap((schema) => fieldSchemas(schema, name));
      if (field !== undefined && declared.length > 0)
        define(copy, name, this.pick(declared, field));
    }
    return copy;
  }

  #pickItems(schemas: readonly JsonSchema[], items: readonly unknown[]): unknown {
    return items.map((item, index) =>
      this.pick(
        schemas.flatMap((schema) => itemSchema(schema, index) ?? []),
        item,
      ),
    );
  }

  /** By name and by `$id`, wherever they stand: TypeBox puts them beside the reference. */
  #collectDefinitions(part: JsonSchema): void {
    if (typeof part !== "object" || part === null) return;
    if (typeof part.$id === "string") this.#definitions[part.$id] ??= part;
    for (const [key, inner] of Object.entries(part)) {
      if (key === "$defs" || key === "definitions")
        for (const [name, definition] of Object.entries(inner ?? {}))
          this.#definitions[name] ??= definition as JsonSchema;
      this.#collectDefinitions(inner);
    }
  }
}

/** What an unknown reference declares: rather too little in an answer than too much. */
const nothing: JsonSchema = { additionalProperties: false };

/** `#/$defs/User` and `User` are the same. */
function nameOf(reference: string): string {
  return reference.replace(/^#\/(?:\$defs|definitions)\//, "");
}

function declaresFields(schema: JsonSchema): boolean {
  return (
    schema.properties !== undefined ||
    schema.patternProperties !== undefined ||
    schema.additionalProperties !== undefined ||
    schema.unevaluatedProperties !== undefined
  );
}

/** Own names, and declared ones that a getter of a class answers. */
function namesOf(schemas: readonly JsonSchema[], value: object): ReadonlySet<string> {
  const declared = schemas.flatMap((schema) => Object.keys(schema.properties ?? {}));
  return new Set([
    ...Object.keys(value),
    ...declared.filter((name) => name !== "__proto__" && name in value),
  ]);
}

function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/**
 * Strings to what a schema asks for. Path, query, headers, cookies and forms have only strings; JSON bodies have
 * types of their own and never come here.
 *
 * A string that is no number, boolean or null stays a string, so that the validator says what is wrong with it.
 */
import {
  allowsType,
  alternatives,
  fieldSchemas,
  itemSchema,
  type JsonSchema,
} from "./json-schema.ts";

export type Coerce = (value: unknown) => unknown;

/** Folds a schema into one function, once. */
export function coercionOf(schema: JsonSchema): Coerce {
  const branches = alternatives(schema);
  if (branches.length > 1) return unionCoercion(branches);
  if (schema.properties !== undefined || hasOtherFields(schema)) return objectCoercion(schema);
  if (schema.allOf !== undefined) return sequence(schema.allOf.map(coercionOf));
  if (allowsType(schema, "array")) return arrayCoercion(schema);
  if (schema.const !== undefined) return literalCoercion([schema.const]);
  if (schema.enum !== undefined) return literalCoercion(schema.enum);
  return scalarCoercion(schema);
}

/** Grammar of JSON numbers (RFC 8259 §6), and a sign or leading zeros that people write in URLs. */
const decimal = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function toNumber(value: unknown): unknown {
  if (typeof value !== "string" || !decimal.test(value)) return value;
  const number = Number(value);
  // An integer that a double cannot hold would silently become another one.
  return Number.isFinite(number) && !(Number.isInteger(number) && !Number.isSafeInteger(number))
    ? number
    : value;
}

function toBoolean(value: unknown): unknown {
  if (value === "true" || value === "1") return true;
  return value === "false" || value === "0" ? false : value;
}

function scalarCoercion(schema: JsonSchema): Coerce {
  if (allowsType(schema, "string")) return (value) => value;
  const steps: Coerce[] = [];
  if (allowsType(schema, "integer") || allowsType(schema, "number")) steps.push(toNumber);
  if (allowsType(schema, "boolean")) steps.push(toBoolean);
  if (allowsType(schema, "null"))
    steps.push((value) => (value === "" || value === "null" ? null : value));
  return steps.length === 1 ? steps[0]! : sequence(steps);
}

function literalCoercion(literals: readonly unknown[]): Coerce {
  return (value) => {
    if (typeof value !== "string" || literals.includes(value)) return value;
    const found = literals.find((literal) => String(literal) === value);
    return found === undefined ? value : found;
  };
}

/** The first branch that makes something else of the string wins: `7` is a number where number or string is allowed. */
function unionCoercion(branches: readonly JsonSchema[]): Coerce {
  const coercions = branches.map(coercionOf);
  return (value) => {
    for (const coerce of coercions) {
      const coerced = coerce(value);
      if (coerced !== value) return coerced;
    }
    return value;
  };
}

/** A key that was given once is a list of one. */
function arrayCoercion(schema: JsonSchema): Coerce {
  const isTuple = schema.prefixItems !== undefined || Array.isArray(schema.items);
  const every = itemSchema(schema, 0);
  const item = isTuple || every === undefined ? undefined : coercionOf(every);
  return (value) => {
    if (value === undefined) return value;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (isTuple) return list.map((it, index) => coercionOf(itemSchema(schema, index) ?? {})(it));
    return item === undefined ? list : list.map(item);
  };
}

/**
 * Copies what came (unknown keys too: the validator decides about them), coerces what is declared and fills
 * defaults. The copy is an ordinary object, because validators of other makers ask for one; its keys are defined,
 * never assigned, so `__proto__` stays a key.
 */
function objectCoercion(schema: JsonSchema): Coerce {
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [name, coercionOf(property), property.default] as const,
  );
  const others = hasOtherFields(schema);
  return (value) => {
    if (typeof value !== "object" || value === null) return value;
    const source = value as Readonly<Record<string, unknown>>;
    const copy: Record<string, unknown> = {};
    for (const name in source) {
      const field = others ? coerceOther(schema, name, source[name]) : source[name];
      if (name === "__proto__") define(copy, name, field);
      else copy[name] = field;
    }
    for (const [name, coerce, fallback] of fields) {
      const given = Object.hasOwn(copy, name) ? coerce(copy[name]) : undefined;
      if (given !== undefined) define(copy, name, given);
      else if (fallback !== undefined) define(copy, name, structuredClone(fallback));
    }
    return copy;
  };
}

/** A record: fields whose names are not written in the schema have a schema, too. */
function hasOtherFields({ patternProperties, additionalProperties }: JsonSchema): boolean {
  return patternProperties !== undefined || typeof additionalProperties === "object";
}

function coerceOther(schema: JsonSchema, name: string, value: unknown): unknown {
  if (Object.hasOwn(schema.properties ?? {}, name)) return value;
  const inner = fieldSchemas(schema, name)[0];
  if (inner === undefined) return value;
  const known = coercions.get(inner) ?? coercionOf(inner);
  coercions.set(inner, known);
  return known(value);
}

const coercions = new WeakMap<JsonSchema, Coerce>();

function define(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") target[name] = value;
  else
    Object.defineProperty(target, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function sequence(steps: readonly Coerce[]): Coerce {
  return (value) => steps.reduce((current, step) => step(current), value);
}

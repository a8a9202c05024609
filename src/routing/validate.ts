/**
 * Wraps a handler in the validation that its schemas ask for: params, query, headers, cookies, body; then the
 * handler; then the answer. Folded once, at start; a route without schemas is not wrapped.
 */
import { HttpError } from "../errors.ts";
import { readBody } from "../request/validated-body.ts";
import { FileAnswer } from "../response/file.ts";
import { StatusValue } from "../response/values.ts";
import { hasFiles } from "../validation/files.ts";
import type { JsonSchema } from "../validation/json-schema.ts";
import {
  type Issue,
  isSchema,
  type Result,
  type Schema,
  validatorOf,
} from "../validation/schema.ts";
import type { AnyContext, AnyState, ResponseSchemas, RouteOptions } from "./route.ts";

/** Thrown for a request that breaks its schemas; `onValidationError` may answer it in its own form. */
export class ValidationError extends HttpError {
  /** Which part of the request is at fault. */
  readonly part: Part;
  readonly issues: readonly Issue[];

  constructor(part: Part, issues: readonly Issue[]) {
    super(422, `the ${names[part]} of the request did not pass validation`, {
      extensions: {
        errors: issues.map(({ pointer, detail }) => ({ pointer: `/${part}${pointer}`, detail })),
      },
    });
    this.part = part;
    this.issues = issues;
  }
}

export type Part = "params" | "query" | "headers" | "cookies" | "body";

type AnyHandler = (context: AnyContext) => unknown;
/** Puts one check around what follows it. */
type Step = (next: AnyHandler) => AnyHandler;

export function withValidation(
  handler: AnyHandler,
  options: RouteOptions<AnyState>,
  route: string,
): AnyHandler {
  const steps: Step[] = [];
  for (const part of stringParts) {
    const schema = options[part];
    if (schema !== undefined) steps.push(stringStep(part, schema));
  }
  if (options.body !== undefined) steps.push(bodyStep(options.body, options.bodyType));
  const checked =
    options.response === undefined
      ? handler
      : withAnswerCheck(handler, options, options.response, route);
  return steps.reduceRight((next, step) => step(next), checked);
}

const stringParts = ["params", "query", "headers", "cookies"] as const;
const names: Readonly<Record<Part, string>> = {
  params: "path parameters",
  query: "query",
  headers: "headers",
  cookies: "cookies",
  body: "body",
};

function stringStep(part: Exclude<Part, "body">, schema: Schema): Step {
  return (next) => (context) =>
    proceed(part, validatorOf(schema).validateStrings(stringsOf(part, context)), context, next);
}

function stringsOf(
  part: Exclude<Part, "body">,
  context: AnyContext,
): Readonly<Record<string, unknown>> {
  switch (part) {
    case "params":
      return context.params;
    case "query":
      return context.query;
    case "headers":
      return context.request.headers.toJSON();
    case "cookies":
      return Object.fromEntries(context.cookies);
  }
}

/** What follows a body runs in the turn in which the body is there: each `then` of its own would cost 0.1 µs. */
function bodyStep(schema: Schema, bodyType: RouteOptions["bodyType"]): Step {
  const type = bodyType ?? (hasFiles(schema as JsonSchema) ? "form" : "json");
  return (next) => (context) =>
    readBody(context, type, (value) => {
      const validator = validatorOf(schema);
      // A form has only strings and files; JSON has types of its own and is never coerced.
      const result =
        type === "form" ? validator.validateStrings(Object(value)) : validator.validate(value);
      return proceed("body", result, context, next);
    });
}

function proceed(
  part: Part,
  result: Result | Promise<Result>,
  context: AnyContext,
  next: AnyHandler,
): unknown {
  if (result instanceof Promise)
    return result.then((settled) => proceed(part, settled, context, next));
  if ("issues" in result) throw new ValidationError(part, result.issues);
  context.take(part, result.value);
  return next(context);
}

/** A response that breaks its own schema is our fault: a 500, its reasons for the log only. */
function withAnswerCheck(
  handler: AnyHandler,
  options: RouteOptions<AnyState>,
  schemas: Schema | ResponseSchemas,
  route: string,
): AnyHandler {
  const plain = options.statusCode ?? 200;
  const schemaOf = isByStatus(schemas)
    ? (status: number): Schema | undefined => schemas[status]
    : (status: number): Schema | undefined => (status < 300 ? schemas : undefined);

  const check = (value: unknown): unknown => {
    if (value instanceof Response || value instanceof FileAnswer) return value;
    const status = value instanceof StatusValue ? value.status : plain;
    const schema = schemaOf(status);
    if (schema === undefined) return value;
    const result = validatorOf(schema).validateAnswer(
      value instanceof StatusValue ? value.value : value,
    );
    return result instanceof Promise
      ? result.then((settled) => answerOf(settled, value, status, route))
      : answerOf(result, value, status, route);
  };
  return (context) => {
    const value = handler(context);
    return value instanceof Promise ? value.then(check) : check(value);
  };
}

function answerOf(result: Result, value: unknown, status: number, route: string): unknown {
  if ("issues" in result) {
    const faults = result.issues
      .map(({ pointer, detail }) => `${pointer || "/"} ${detail}`)
      .join("; ");
    throw new TypeError(
      `${route} answered ${status} with a value that breaks its response schema: ${faults}`,
    );
  }
  return value instanceof StatusValue ? new StatusValue(status, result.value) : result.value;
}

/** `{ 200: …, 404: … }` against a schema: only the former has numbers for keys, and nothing else. */
function isByStatus(schemas: Schema | ResponseSchemas): schemas is ResponseSchemas {
  const keys = Object.keys(schemas);
  return (
    typeof schemas === "object" && keys.length > 0 && keys.every((key) => /^[1-5]\d\d$/.test(key))
  );
}

/** @returns the name of an option that should be a schema and is not. */
export function invalidSchemaOption(options: RouteOptions<AnyState>): string | undefined {
  const schemas = options.response;
  for (const part of [...stringParts, "body", "response"] as const) {
    if (options[part] !== undefined && !isSchema(options[part])) return part;
  }
  if (schemas !== undefined && isByStatus(schemas) && !Object.values(schemas).every(isSchema))
    return "response";
  return undefined;
}

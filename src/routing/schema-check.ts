/** Schemas that no request could ever pass are mistakes of the definition: refused at start, by name. */
import { RobynError } from "../errors.ts";
import type { JsonSchema } from "../validation/json-schema.ts";
import { isSchema, isStandardSchema, type Schema } from "../validation/schema.ts";
import { takesBody } from "./limits.ts";
import { describeRoute } from "./refusal.ts";
import type { AnyState, Route, RouteOptions } from "./route.ts";
import { isByStatus, stringParts } from "./validate.ts";

/** @throws RobynError ROBYN_OPTION_INVALID */
export function checkSchemas(route: Route, parameters: readonly string[]): void {
  const { options } = route;
  const invalid = invalidSchemaOption(options);
  if (invalid !== undefined)
    refuse(
      route,
      `was given something that is no schema as "${invalid}"`,
      "Pass a TypeBox type (t.Object(…)), a JSON Schema or any Standard Schema.",
    );
  if (options.body !== undefined && !takesBody(route.method))
    refuse(
      route,
      `has a schema for a body, which Bun does not pass on for ${route.method}`,
      "Use POST or PUT, or send the values in the query.",
    );
  const unknown = formOf(options.params).required?.find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    refuse(
      route,
      `has a schema that requires the path parameter "${unknown}", which the path does not have`,
      parameters.length === 0
        ? `Write it into the path: "/:${unknown}".`
        : `The path has ${parameters.join(", ")}.`,
    );
  const header = Object.keys(formOf(options.headers).properties ?? {}).find((name) =>
    /[A-Z]/.test(name),
  );
  if (header !== undefined)
    refuse(
      route,
      `has a schema for the header "${header}", but names of headers arrive in lower case`,
      `Write "${header.toLowerCase()}".`,
    );
}

function refuse(route: Route, what: string, fix: string): never {
  throw new RobynError("ROBYN_OPTION_INVALID", `${describeRoute(route)} ${what}.`, fix);
}

/** Vendors' schemas do not show their form without being converted, which is left to the first request. */
function formOf(schema: Schema | undefined): JsonSchema {
  return schema === undefined || isStandardSchema(schema) ? {} : schema;
}

/** @returns the name of an option that should be a schema and is not. */
function invalidSchemaOption(options: RouteOptions<AnyState>): string | undefined {
  const schemas = options.response;
  for (const part of [...stringParts, "body", "response"] as const) {
    if (options[part] !== undefined && !isSchema(options[part])) return part;
  }
  if (schemas !== undefined && isByStatus(schemas) && !Object.values(schemas).every(isSchema))
    return "response";
  return undefined;
}

/** Const routes at start: what may be const, and the one run of its handler, without a request. */
import { RobynError } from "../errors.ts";
import type { Dependencies } from "../injection/dependency.ts";
import { Context } from "../request/context.ts";
import { toResponse } from "../response/to-response.ts";
import { html, redirect, status } from "../response/values.ts";
import { describeRoute } from "./refusal.ts";
import type { AnyContext, Route } from "./route.ts";
import { stringParts, withValidation } from "./validate.ts";

/** @throws RobynError ROBYN_CONST_INVALID for a method that asks for something to be done. */
export function checkConst(route: Route): void {
  if (route.options.const !== true) return;
  const part = [...stringParts, "body" as const].find((it) => route.options[it] !== undefined);
  if (part !== undefined) {
    throw new RobynError(
      "ROBYN_CONST_INVALID",
      `${describeRoute(route)} is const and has a schema for "${part}", but no request is looked at.`,
      "Remove const, or the schema; response is the one schema of a const route.",
    );
  }
  if (route.method === "GET") return;
  throw new RobynError(
    "ROBYN_CONST_INVALID",
    `${describeRoute(route)} is const, but only GET routes can be: other methods are asked to do something.`,
    "Remove const, or make it a GET route.",
  );
}

/** @throws RobynError ROBYN_CONST_FAILED, ROBYN_REQUEST_IN_CONST */
export async function runOnce(route: Route, dependencies: Dependencies): Promise<Response> {
  const { response: schema, statusCode } = route.options;
  const name = `${route.method} ${route.path}`;
  const handler = withValidation(route.handler, { response: schema, statusCode }, name);
  try {
    const response = await toResponse(await handler(constContext(route, dependencies)), statusCode);
    if (response.status >= 500) throw new Error(`it answered ${response.status}`);
    return response;
  } catch (cause) {
    if (cause instanceof RobynError) throw cause;
    const why = cause instanceof Error ? cause.message : Bun.inspect(cause);
    throw new RobynError(
      "ROBYN_CONST_FAILED",
      `The handler of the const route ${describeRoute(route)} failed at start: ${why}.`,
      "A const handler runs once, before the server listens; it must not fail.",
      { cause },
    );
  }
}

/** There is no request at start; a handler that reads one would answer every client with the same accident. */
function constContext(route: Route, dependencies: Dependencies): AnyContext {
  const refuse = (_: unknown, member: string | symbol): never => {
    throw new RobynError(
      "ROBYN_REQUEST_IN_CONST",
      `The const route ${describeRoute(route)} reads "${String(member)}" of the request, but it runs before any request.`,
      "Remove const, or compute the answer without the request.",
    );
  };
  const injected = [...dependencies.values()].filter(({ isPerRequest }) => !isPerRequest);
  const helpers: Readonly<Record<string, unknown>> = {
    ...{ status, html, redirect },
    ...Object.fromEntries(injected.map(({ name, value }) => [name, value])),
  };
  const handler: ProxyHandler<object> = {
    get: (target, member) =>
      typeof member === "string" && Object.hasOwn(helpers, member)
        ? helpers[member]
        : refuse(target, member),
    has: refuse,
    ownKeys: (target) => refuse(target, "…"),
  };
  return new Proxy(Object.create(Context.prototype), handler) as AnyContext;
}

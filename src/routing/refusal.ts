/** Sentences for refused definitions: what was given, what stands against it, how to fix it. */
import { RobynError } from "../errors.ts";
import type { PatternError, ReasonName } from "../http/pattern.ts";
import { limits } from "../limits.ts";
import type { Refusal } from "../native/core.ts";
import { locationOf, type Route } from "./route.ts";

/** `GET /users/:id (app.ts:12)` */
export function describeRoute(route: Route): string {
  const location = locationOf(route.definedAt);
  const kind = route.socket === undefined ? route.method : "WebSocket";
  return `${kind} ${route.path}${location === undefined ? "" : ` (${location})`}`;
}

export function refusalError(route: Route, refusal: Refusal, routes: readonly Route[]): RobynError {
  const who = `The route ${describeRoute(route)}`;
  switch (refusal.status) {
    case "conflict":
      return new RobynError(
        "ROBYN_ROUTE_CONFLICT",
        `${who} conflicts with ${describeRoute(routes[refusal.conflict]!)}: both match the same paths.`,
        "Remove one of them or change its path.",
      );
    case "pattern_invalid":
      return new RobynError(
        "ROBYN_PATTERN_INVALID",
        `${who} is no valid pattern: ${explain(refusal.reason)}.`,
        hints[refusal.reason][1],
      );
    case "pattern_too_long":
      return new RobynError(
        "ROBYN_PATTERN_INVALID",
        `The pattern of ${route.method} ${route.path.slice(0, 40)}… is longer than ${limits.pattern_bytes_max} bytes.`,
        "Shorten it.",
      );
    case "too_many_parameters":
      return new RobynError(
        "ROBYN_TOO_MANY_PARAMETERS",
        `${who} has more than ${limits.params_max} parameters.`,
        "Move some of them to the query.",
      );
    case "method_invalid":
      return new RobynError(
        "ROBYN_METHOD_INVALID",
        `${who} has an invalid method.`,
        "A method is an upper-case token.",
      );
    case "too_many_methods":
      return new RobynError(
        "ROBYN_TOO_MANY_METHODS",
        `${who} would be method number ${limits.methods_max + 1}.`,
        `An application has at most ${limits.methods_max} different methods.`,
      );
    case "too_many_routes":
      return new RobynError(
        "ROBYN_TOO_MANY_ROUTES",
        `${who} would be route number ${limits.routes_max + 1}.`,
        `An application has at most ${limits.routes_max} routes; use parameters instead of one route per value.`,
      );
  }
}

/** The same for the pattern of a hook. */
export function hookPatternError(source: string, error: PatternError): RobynError {
  const [, fix] = hints[error.reason];
  return new RobynError(
    "ROBYN_PATTERN_INVALID",
    `The hook pattern ${JSON.stringify(source)} is invalid: ${explain(error.reason)}.`,
    fix,
  );
}

function explain(reason: ReasonName): string {
  return hints[reason][0];
}

const hints: Readonly<Record<ReasonName, readonly [why: string, fix: string]>> = {
  none: ["it exceeds a limit", "See the limits in docs/errors.md."],
  empty: ["it is empty", 'The root is "/".'],
  no_leading_slash: ["it does not begin with a slash", 'Write "/users", not "users".'],
  bad_percent: ["a % is not followed by two hexadecimal digits", 'Write "%25" for a percent sign.'],
  control_byte: ["it contains a control character", "Remove it."],
  dot_segment: ['it contains a "." or ".." segment', "Write the path that it stands for."],
  query_or_fragment: [
    "it contains ? or #",
    "A pattern is a path; read the query from the context.",
  ],
  unknown_syntax: [
    "it uses { }, < > or a backslash",
    'A parameter is written ":name", the rest of a path "*name".',
  ],
  partial_parameter: [
    "a : or * stands inside a segment",
    'A parameter fills a whole segment: "/files/:name".',
  ],
  name_invalid: [
    "a parameter has no valid name",
    'Names are letters, digits and "_"; optional parameters and regular expressions are not part of the grammar: define two routes, or validate the value.',
  ],
  name_duplicate: ["two parameters have the same name", "Give each its own name."],
  rest_not_last: [
    "a * segment is not the last one",
    'Only the end of a path can be a rest: "/files/*path".',
  ],
  bad_utf8: ["it is not valid Unicode", "Remove the lone surrogate or the malformed bytes."],
};

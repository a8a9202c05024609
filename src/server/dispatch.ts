/**
 * The hot path, alone in its file: one native call finds the endpoint, one chain answers.
 *
 * Everything here runs for every request; what can be decided earlier is decided in `routing/compile.ts`.
 */
import { HttpError } from "../errors.ts";
import { generalMethods } from "../http/method.ts";
import { verdict } from "../http/path.ts";
import type { RouteTable } from "../native/core.ts";
import type { BunServer } from "../request/context.ts";
import { problem } from "../response/problem.ts";
import type { Compiled } from "../routing/compile.ts";
import type { AnyContext } from "../routing/route.ts";

export type Dispatch = (request: Request, server?: BunServer) => Response | Promise<Response>;

export function createDispatch(compiled: Compiled): Dispatch {
  const { table, endpoints } = compiled;
  return function dispatch(request, server) {
    const url = request.url;
    const method = request.method;
    // A URL that is a bare path has no valid Host behind it (RFC 9112 §3.2): rare, and decided aside.
    if (url.charCodeAt(0) === slash && !isHttp10(request))
      return miss(compiled, request, server, verdict.bad_host);
    const found = table.find(table.methodId(method), url);
    if (found < 0) return miss(compiled, request, server, found);
    const endpoint = endpoints[found]!;
    const params = readParams(table, endpoint.names);
    const { settings } = endpoint;
    const context = new settings.contextClass(request, server, params, settings);
    if (method === "HEAD") context.isHead = true;
    return endpoint.chain(context, endpoint.handler);
  };
}

/** Counts requests for `maxRequests`; without it, nothing stands before the dispatcher. */
export function countRequests(
  dispatch: Dispatch,
  { maxRequests }: { readonly maxRequests: number },
): { readonly dispatch: Dispatch; readonly count: () => number } {
  if (maxRequests === 0) return { dispatch, count: () => 0 };
  let requests = 0;
  const counting: Dispatch = (request, server) => {
    requests++;
    return dispatch(request, server);
  };
  return { dispatch: counting, count: () => requests };
}

/** @internal */
export const slash = 47;
const noParams: Record<string, string> = Object.freeze(Object.create(null));

/** @internal Values are copied out at once: the table keeps them only until the next find. */
export function readParams(table: RouteTable, names: readonly string[]): Record<string, string> {
  if (names.length === 0) return noParams;
  const params: Record<string, string> = Object.create(null);
  for (let index = 0; index < names.length; index++) params[names[index]!] = table.value(index);
  return params;
}

/** @internal HTTP/1.0 has no Host header, which is legal; an invalid one is not. */
export function isHttp10(request: Request): boolean {
  return request.headers.get("host") === null;
}

/** @internal What no route answers: 404, 405 with `Allow`, the automatic OPTIONS, 400, 414, 501. Hooks see these too. */
export function miss(
  compiled: Compiled,
  request: Request,
  server: BunServer | undefined,
  found: number,
): Response | Promise<Response> {
  const refused = refusalOf(compiled, request.method, found);
  if (!compiled.missHasParts) return answerOf(refused);
  const { settings } = compiled;
  const context: AnyContext = new settings.contextClass(request, server, noParams, settings);
  return compiled.miss(context, () => {
    if (refused.status < 400) return answerOf(refused);
    throw new HttpError(refused.status, refused.detail, { headers: refused.headers });
  });
}

interface Refused {
  readonly status: number;
  readonly detail?: string;
  readonly headers?: Record<string, string>;
}

function answerOf({ status, detail, headers }: Refused): Response {
  return status < 400 ? new Response(null, { status, headers }) : problem(status, detail, headers);
}

function refusalOf({ table, methods }: Compiled, method: string, found: number): Refused {
  if (!generalMethods.has(method) && !methods.has(method)) return { status: 501 };
  switch (found) {
    case verdict.method_not_allowed:
      return {
        status: method === "OPTIONS" ? 204 : 405,
        headers: { allow: allowedMethods(table) },
      };
    case verdict.bad_path:
      return {
        status: 400,
        detail: "the path is not valid percent-encoded UTF-8 or has control characters",
      };
    case verdict.bad_host:
      return { status: 400, detail: "the Host header is not one valid host" };
    case verdict.path_too_long:
      return { status: 414 };
    default:
      return { status: 404 };
  }
}

/** RFC 9110 §9.3.2 and §9.3.7: HEAD goes with GET, and OPTIONS is always answered. */
function allowedMethods(table: RouteTable): string {
  const methods = new Set(table.allowed());
  if (methods.has("GET")) methods.add("HEAD");
  methods.add("OPTIONS");
  return [...methods].sort().join(", ");
}

/**
 * The hot path of an application with metrics: the plain one (`dispatch.ts`), between two looks at the clock. It takes
 * the plain one's place at start, so without metrics nothing is asked and nothing is paid.
 */
import { HEAD } from "../http/method.ts";
import { verdict } from "../http/path.ts";
import type { RequestMeters } from "../metrics/requests.ts";
import type { Compiled } from "../routing/compile.ts";
import { takesBody } from "../routing/limits.ts";
import { type Dispatch, isHttp10, miss, readParams, slash } from "./dispatch.ts";

export function createMeasuredDispatch(compiled: Compiled, meters: RequestMeters): Dispatch {
  const { table, endpoints } = compiled;
  const { ticks } = meters;
  return function dispatch(request, server) {
    const start = ticks();
    const url = request.url;
    const method = request.method;
    const id = table.methodId(method);
    const found =
      url.charCodeAt(0) === slash && !isHttp10(request) ? verdict.bad_host : table.find(id, url);
    let answer: Response | Promise<Response>;
    let meter: number;
    let bytes: number | undefined;
    if (found < 0) {
      meter = meters.ofMiss(method);
      if (takesBody(method)) bytes = Number(request.headers.get("content-length"));
      answer = miss(compiled, request, server, found);
    } else {
      meter = id === HEAD ? meters.ofHead(found) : found;
      const endpoint = endpoints[found]!;
      const params = readParams(table, endpoint.names);
      const { settings } = endpoint;
      const context = new settings.contextClass(request, server, params, settings);
      if (id === HEAD) context.isHead = true;
      answer = endpoint.chain(context, endpoint.handler);
      bytes = context.contentLength;
    }
    if (bytes !== undefined) meters.countRequestBytes(meter, bytes);
    return meters.measure(meter, answer, start);
  };
}

/**
 * Folds hooks, handler and error handlers of a route into one function, once, at start. Per request nothing is
 * decided twice, and a chain without promises answers without a promise.
 *
 * before hooks (outermost first) → handler → toResponse → after hooks (innermost first)
 *      └── a value: the answer ──────────▲                 ▲
 *      └── an error ─▶ exception handlers, or a problem document
 */
import { HttpError, RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { isPromise, PendingBody } from "../request/pending-body.ts";
import { problem, problemOf, problemOfUnknown } from "../response/problem.ts";
import { toResponse } from "../response/to-response.ts";
import type { Deadline } from "./deadline.ts";
import type { AfterHook, AnyContext, AnyState, BeforeHook, ExceptionHandler } from "./route.ts";
import { ValidationError } from "./validate.ts";

type Eventually<Value> = Value | Promise<Value>;

/** What a chain is made of; hooks and exception handlers in the order in which they run. */
export interface ChainParts {
  readonly before: readonly BeforeHook<AnyState>[];
  readonly after: readonly AfterHook<AnyState>[];
  readonly exceptions: readonly ExceptionHandler<AnyState>[];
  /** Status for plain values. */
  readonly status: number;
  /** Ends what takes too long. */
  readonly deadline: Deadline;
}

export interface ErrorPolicy {
  readonly logger: Logger;
  /** Gives validation errors another form than the problem document. */
  readonly onValidationError: ValidationErrorHandler | undefined;
  /** Whether a client may read what went wrong. */
  readonly development: boolean;
}

/** Returns the answer, sent with 422 unless it says otherwise, or nothing to leave it to the problem document. */
export type ValidationErrorHandler = (error: ValidationError, context: AnyContext) => unknown;

/** Answers one request. `handler` is given per call, so that one chain serves every kind of miss. */
export type Chain = (
  context: AnyContext,
  handler: (context: AnyContext) => unknown,
) => Eventually<Response>;

export function compose(parts: ChainParts, policy: ErrorPolicy): Chain {
  const { before, after, status, deadline } = parts;
  const fail = (error: unknown, context: AnyContext) => recover(error, context, parts, policy);

  const respond = (value: unknown, context: AnyContext): Eventually<Response> => {
    if (typeof value === "string" && leavesType(value, status, context)) {
      return context.addHeadersTo(new Response(value));
    }
    try {
      const response = toResponse(value, status, context);
      return response instanceof Promise
        ? response.then(
            (settled) => context.addHeadersTo(settled),
            (error) => fail(error, context),
          )
        : context.addHeadersTo(response);
    } catch (error) {
      return fail(error, context);
    }
  };

  // What a request holds (files on disk) is let go with its answer: behind the after hooks, where there are any.
  const pace =
    after.length > 0
      ? { respond, fail }
      : {
          respond: (value: unknown, context: AnyContext) =>
            context.conclude(respond(value, context)),
          fail: (error: unknown, context: AnyContext) => context.conclude(fail(error, context)),
        };

  const answer: Chain = (context, handler) => {
    try {
      const value = before.length === 0 ? handler(context) : runBefore(before, 0, context, handler);
      if (value instanceof PendingBody) return deadline.watch(value, context, pace);
      if (!isPromise(value)) return respond(value, context);
      const pending = Promise.resolve(value);
      if (Bun.peek.status(pending) === "pending") return deadline.watch(pending, context, pace);
      return pending.then(
        (settled) => pace.respond(settled, context),
        (error) => pace.fail(error, context),
      );
    } catch (error) {
      return fail(error, context);
    }
  };

  if (after.length === 0) return answer;
  const late: Late = {
    fail,
    // A hook that never ends would hold its request for ever, as a handler would.
    watch: (pending, context) =>
      deadline.watch(pending, context, {
        respond: (value) => toResponse(value, 200, context),
        fail,
      }),
  };
  return (context, handler) => {
    const response = answer(context, handler);
    if (response instanceof Response) return runAfter(after, 0, response, context, late);
    return response.then((settled) => context.conclude(runAfter(after, 0, settled, context, late)));
  };
}

/**
 * Over a socket Bun adds the type of a plain text itself, and much cheaper than a header of ours: with one, an after
 * hook that does nothing cost 1.5 µs. In process nobody else adds it, nor does Bun for HEAD; for a long text the price does not show.
 */
function leavesType(value: string, status: number, context: AnyContext): boolean {
  return (
    status === 200 &&
    value.length < short_text_max &&
    context.server !== undefined &&
    !context.isHead
  );
}

const short_text_max = 1_024;

function runBefore(
  hooks: ChainParts["before"],
  start: number,
  context: AnyContext,
  handler: (context: AnyContext) => unknown,
): unknown {
  for (let index = start; index < hooks.length; index++) {
    const value = hooks[index]!(context);
    if (isPromise(value)) {
      return Promise.resolve(value).then((settled) =>
        settled === undefined ? runBefore(hooks, index + 1, context, handler) : settled,
      );
    }
    if (value !== undefined) return value;
  }
  return handler(context);
}

/** What after hooks run into. */
interface Late {
  readonly fail: (error: unknown, context: AnyContext) => Eventually<Response>;
  readonly watch: (pending: Promise<Response>, context: AnyContext) => Promise<Response>;
}

/** A hook that fails does not keep the outer ones from running: they may set what every answer must have. */
function runAfter(
  hooks: ChainParts["after"],
  start: number,
  first: Response,
  context: AnyContext,
  late: Late,
): Eventually<Response> {
  let response = first;
  for (let index = start; index < hooks.length; index++) {
    let next: Eventually<Response>;
    try {
      next = afterOne(hooks[index]!, response, context, late);
    } catch (error) {
      next = late.fail(error, context);
    }
    if (!(next instanceof Response))
      return next.then((settled) => runAfter(hooks, index + 1, settled, context, late));
    response = next;
  }
  return response;
}

function afterOne(
  hook: AfterHook<AnyState>,
  response: Response,
  context: AnyContext,
  { watch }: Late,
): Eventually<Response> {
  const value = hook(response, context);
  if (value === undefined) return response;
  if (!isPromise(value)) return toResponse(value, 200, context);
  const changed = Promise.resolve(value).then((settled) =>
    settled === undefined ? response : toResponse(settled, 200, context),
  );
  return watch(changed, context);
}

/** The way of every error: exception handlers from the inside out, else a problem document. Never throws. */
function recover(
  error: unknown,
  context: AnyContext,
  parts: ChainParts,
  policy: ErrorPolicy,
): Eventually<Response> {
  if (error instanceof Response) return context.replaceFieldsOf(context.noteOwnResponse(error));
  if (parts.exceptions.length === 0 && policy.onValidationError === undefined)
    return context.addFieldsTo(answerError(error, context, policy));
  return askHandlers(error, context, parts, policy).then((response) =>
    context.addFieldsTo(response),
  );
}

async function askHandlers(
  error: unknown,
  context: AnyContext,
  parts: ChainParts,
  policy: ErrorPolicy,
): Promise<Response> {
  try {
    if (error instanceof ValidationError && policy.onValidationError !== undefined) {
      const value = await policy.onValidationError(error, context);
      if (value !== undefined) return await toResponse(value, error.status, context);
    }
    for (const handler of parts.exceptions) {
      const value = await handler(error, context);
      if (value !== undefined) return await toResponse(value, 200, context);
    }
    return answerError(error, context, policy);
  } catch (second) {
    // Throwing the same error again passes it on; another one is what the request ends with, and hides neither.
    if (second !== error)
      policy.logger.error(`${context.route}: the error whose handler failed`, error);
    return answerError(second, context, policy);
  }
}

function answerError(error: unknown, context: AnyContext, policy: ErrorPolicy): Response {
  try {
    if (error instanceof HttpError) {
      if (error.status >= 500) policy.logger.error(`${context.route}: ${error.status}`, error);
      return problemOf(error);
    }
    const what =
      error instanceof RobynError
        ? `${context.route}: ${error.message}`
        : `${context.route} failed`;
    policy.logger.error(what, error, { method: context.method, path: context.path });
    return problemOfUnknown(error, policy.development);
  } catch {
    // A logger, a getter of the error or a cyclic extension failed: the client still gets an answer.
    return problem(500);
  }
}

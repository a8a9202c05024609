/** One route, ready to answer: its hooks and handler in one chain, and what its contexts are made with. */
import type { Pattern } from "../http/pattern.ts";
import { hasRequestValues } from "../injection/dependency.ts";
import { guardBody, type RequestLimits } from "../request/body-limit.ts";
import type { ContextSettings } from "../request/context.ts";
import type { ConstResponse } from "../response/const-response.ts";
import { checkCache } from "./cache-policy.ts";
import type { CompileOptions } from "./compile-options.ts";
import type { Chain } from "./compose.ts";
import { checkConst } from "./const-route.ts";
import { type HookParts, partsOfRoute } from "./hooks.ts";
import { limitsOf, takesBody, timeoutOf } from "./limits.ts";
import { endingRequests } from "./request-end.ts";
import { type AnyContext, noOptions, type Route, type Scope } from "./route.ts";
import { checkSchemas } from "./schema-check.ts";
import { ChainCache } from "./sharing.ts";
import { orSocket } from "./socket-endpoint.ts";
import { withValidation } from "./validate.ts";

/**
 * One compiled route. What a request needs comes first, in one object, and what routes have in common they share:
 * with ten thousand of them, each object that only one route has is a wait for memory.
 */
export interface Endpoint {
  readonly chain: Chain;
  readonly handler: (context: AnyContext) => unknown;
  /** Names of the parameters, in the order of the pattern. */
  readonly names: readonly string[];
  /** What every context of this route shares. */
  readonly settings: ContextSettings;
  readonly route: Route;
  readonly pattern: Pattern;
  /** How many hooks may run, for listings. */
  readonly hooks: number;
  constResponse: ConstResponse | undefined;
  /** The WebSocket route of the same path, for requests that ask for one. */
  readonly socket: Endpoint | undefined;
}

/** What routes without options may have in common. */
interface Common {
  readonly chain: Chain;
  readonly hooks: number;
  readonly limits: RequestLimits;
}

/** Makes the endpoints of one application, which share what they have in common. */
export class EndpointMaker {
  readonly #options: CompileOptions;
  readonly #parts: HookParts;
  readonly #settings: ContextSettings;
  readonly #chains: ChainCache;
  /** Chains that end their requests, by what they do before. */
  readonly #endings = new Map<Chain, Chain>();
  /** By the scopes around a route. */
  readonly #withBody = new Map<readonly Scope[], Common>();
  readonly #withoutBody = new Map<readonly Scope[], Common>();

  /** @param settings what all contexts share; each route adds to them. */
  constructor(options: CompileOptions, parts: HookParts, settings: ContextSettings) {
    this.#options = options;
    this.#parts = parts;
    this.#settings = settings;
    this.#chains = new ChainCache(options);
  }

  /**
   * @param socket the WebSocket route of the same path.
   * @throws RobynError naming the route.
   */
  make(route: Route, socket?: Endpoint): Endpoint {
    const pattern = this.#parts.patterns.parse(route.path);
    if (route.options !== noOptions) {
      checkConst(route);
      checkCache(route);
      checkSchemas(route, pattern.names);
    }
    const { chain: plain, hooks, limits } = this.#commonOf(route, pattern);
    const injected = this.#parts.injected.of(route.scopes.at(-1));
    const name = `${route.method} ${route.path}`;
    const settings = { ...this.#settings, ...injected, limits, route: name };
    const chain = hasRequestValues(injected.dependencies) ? this.#endingOf(plain) : plain;
    const endpoint: Endpoint = {
      chain: socket === undefined ? chain : orSocket(chain, pattern.names, socket),
      handler:
        route.options.const === true
          ? (context) => endpoint.constResponse!.answer(context.request)
          : this.#handlerOf(route, settings),
      names: this.#parts.patterns.share(pattern.names),
      settings,
      route,
      pattern,
      hooks,
      constResponse: undefined,
      socket,
    };
    return endpoint;
  }

  /** Routes without options, below scopes whose hooks ask for no path, differ in their handlers only. */
  #commonOf(route: Route, pattern: Pattern): Common {
    const hasBody = takesBody(route.method);
    const isPlain = route.options === noOptions && route.scopes.every(isWhole);
    const plain = hasBody ? this.#withBody : this.#withoutBody;
    const known = isPlain ? plain.get(route.scopes) : undefined;
    if (known !== undefined) return known;
    const parts = partsOfRoute(route, pattern, this.#parts, this.#options);
    const guards = hasBody ? [guardBody] : [];
    const common = {
      chain: this.#chains.of({ ...parts, before: [...guards, ...parts.before] }),
      hooks: parts.before.length + parts.after.length,
      limits: limitsOf(route, this.#options.limits),
    };
    if (isPlain) plain.set(route.scopes, common);
    return common;
  }

  #endingOf(chain: Chain): Chain {
    const ending = this.#endings.get(chain) ?? endingRequests(chain);
    this.#endings.set(chain, ending);
    return ending;
  }

  #handlerOf(route: Route, settings: ContextSettings): (context: AnyContext) => unknown {
    const { upgrade, cached, limits } = this.#options;
    const validated = (handler: Endpoint["handler"]) =>
      withValidation(handler, route.options, settings.route);
    if (route.socket !== undefined) return upgrade(route, validated, settings);
    if (route.options === noOptions) return route.handler;
    const handler = validated(route.handler);
    if (route.options.cache === undefined) return handler;
    return cached(route, handler, settings, timeoutOf(route, limits));
  }
}

function isWhole({ before, after }: Scope): boolean {
  return [...before, ...after].every(({ pattern }) => pattern === undefined);
}

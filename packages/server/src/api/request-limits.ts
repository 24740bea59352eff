import { ApiError, rateLimitOf, type RateLimit, type RouteDefinition } from '@banata/protocol';
import type { Config } from '@banata/config';
import type { Metrics } from '../metrics.ts';
import type { Caller } from '../services/access.ts';
import type { Idempotency, Reservation } from '../services/limits/idempotency.ts';
import { isRateLimited } from '../services/limits/rate-limit-settings.ts';
import type { RateDecision, RateLimiter } from '../services/limits/rate-limiter.ts';
import { requestHash } from '../services/limits/request-hash.ts';
import type { PlanService } from '../services/plans/plan-service.ts';
import type { ApiContext } from './mount.ts';

export interface RequestLimitsDeps {
  plans: PlanService;
  rateLimiter: RateLimiter;
  idempotency: Idempotency;
  metrics: Metrics;
  rateLimitMode: Config['rateLimits']['mode'];
}

/** What holds for every route alike: how often it may be called, and that a repeated request makes nothing twice. */
export class RequestLimits {
  readonly #deps: RequestLimitsDeps;

  constructor(deps: RequestLimitsDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} RATE_LIMITED. */
  async holdToRate(route: RouteDefinition, caller: Caller, context: ApiContext): Promise<void> {
    const { plans, rateLimiter, metrics, rateLimitMode } = this.#deps;
    const name = rateLimitOf(route);
    if (name === undefined || rateLimitMode === 'off') return;
    if (!isRateLimited(rateLimitMode, await plans.of(caller.organizationId))) return;
    const decision = await rateLimiter.take(caller.organizationId, name);
    setHeaders(context, name, decision);
    if (decision.allowed) return;
    metrics.rateLimited.inc({ limit: name });
    throw new ApiError('RATE_LIMITED', undefined, {
      details: { retryAfterMs: Math.ceil(decision.retryAfterMs) },
    });
  }

  /**
   * Runs a request that makes something, or answers again what it answered before under the same Idempotency-Key.
   * @param input query and body as parsed.
   */
  async once<T>(
    request: { route: RouteDefinition; caller: Caller; input: unknown; context: ApiContext },
    produce: (reservation: Reservation | undefined) => Promise<T>,
  ): Promise<T> {
    const { route, caller, input, context } = request;
    const key = context.req.header('idempotency-key');
    if (key === undefined || route.idempotency === undefined) return produce(undefined);
    const { reply, replayed } = await this.#deps.idempotency.run(
      {
        organizationId: caller.organizationId,
        route: route.id,
        key,
        // A secret is answered again only to who asked for it: others may be allowed less.
        hash: requestHash(route.idempotency === 'once' ? { by: caller.actor.id, input } : input),
      },
      produce,
      { once: route.idempotency === 'once', signal: context.req.raw.signal },
    );
    if (replayed) context.header('idempotency-replayed', 'true');
    return reply as T;
  }
}

/** RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10. */
function setHeaders(context: ApiContext, name: string, decision: RateDecision): void {
  const { limit, remaining, fullInMs } = decision;
  context.header('ratelimit-policy', `"${name}";q=${limit.burst};w=${windowSeconds(limit)}`);
  context.header('ratelimit', `"${name}";r=${remaining};t=${Math.ceil(fullInMs / 1000)}`);
}

/** The time in which an empty bucket fills up. */
function windowSeconds({ burst, perMinute }: RateLimit): number {
  return Math.ceil((burst / perMinute) * 60);
}

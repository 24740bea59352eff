import { RequestLimits } from './api/request-limits.ts';
import type { Foundations } from './foundations.ts';
import { Metrics } from './metrics.ts';
import { Idempotency } from './services/limits/idempotency.ts';
import { effectiveRateLimits } from './services/limits/rate-limit-settings.ts';
import { RateLimiter } from './services/limits/rate-limiter.ts';
import { Checkout } from './services/plans/checkout.ts';
import type { PlanCatalog } from './services/plans/plan-catalog.ts';
import { PlanGate } from './services/plans/plan-gate.ts';
import { PlanService } from './services/plans/plan-service.ts';
import type { SandboxService } from './services/sandboxes/sandbox-service.ts';
import { UsageSampler } from './services/usage/usage-sampler.ts';
import { UsageService } from './services/usage/usage-service.ts';

/** Plans, rate limits, idempotency and metrics: what stands before the services. */
export function createLimits(base: Foundations, catalog: PlanCatalog) {
  const { config, stores, secrets, now } = base;
  const metrics = new Metrics(() => stores.sandboxes.countByStatus());
  const plans = new PlanService({ ...base, store: stores.plans, catalog });
  const idempotency = new Idempotency({ store: stores.idempotency, secrets, now });
  const rateLimiter = new RateLimiter(
    stores.rateBuckets,
    effectiveRateLimits(config.rateLimits.overrides),
    now,
  );
  return {
    metrics,
    plans,
    planGate: new PlanGate(catalog, stores.plans, now),
    idempotency,
    requestLimits: new RequestLimits({
      plans,
      rateLimiter,
      idempotency,
      metrics,
      rateLimitMode: config.rateLimits.mode,
    }),
    checkout: new Checkout({ ...base, plans }),
    usageSampler: new UsageSampler({ ...base, store: stores.sandboxes, usageStore: stores.sandboxUsage }),
  };
}

export function createUsage(base: Foundations, plans: PlanService, sandboxes: SandboxService): UsageService {
  const { stores } = base;
  return new UsageService({
    ...base,
    plans,
    sandboxes,
    planStore: stores.plans,
    usageStore: stores.sandboxUsage,
  });
}

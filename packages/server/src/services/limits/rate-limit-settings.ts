import { rateLimits, type Plan, type RateLimit, type RateLimitName } from '@banata/protocol';
import type { Config } from '@banata/config';
import { unlimitedPlan } from '../plans/built-in-plans.ts';

/** The table of the contract with the operator's changes. */
export function effectiveRateLimits(
  overrides: Config['rateLimits']['overrides'],
): Record<RateLimitName, RateLimit> {
  const unknown = Object.keys(overrides).find((name) => !Object.hasOwn(rateLimits, name));
  if (unknown !== undefined) {
    throw new Error(
      `BANATA_RATE_LIMIT_OVERRIDES names "${unknown}", which is no rate limit. Names: ${Object.keys(rateLimits).join(', ')}.`,
    );
  }
  return { ...rateLimits, ...overrides };
}

/** Whether an organization on this plan is held to rate limits. */
export function isRateLimited(mode: Config['rateLimits']['mode'], plan: Plan): boolean {
  return mode === 'auto' ? plan.id !== unlimitedPlan.id : mode === 'on';
}

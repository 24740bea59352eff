import { ApiError, type Capabilities, type Plan } from '@banata/protocol';
import type { Tx } from '../../stores/event-store.ts';
import type { PlanStore } from '../../stores/plan-store.ts';
import type { PlanCatalog } from './plan-catalog.ts';
import { featuresOf, featureTexts } from './plan-features.ts';
import { monthOf } from './period.ts';

const hour = 3_600_000;

/** Holds organizations to their plans, when a sandbox is created, resumed or renewed. */
export class PlanGate {
  readonly #catalog: PlanCatalog;
  readonly #store: PlanStore;
  readonly #now: () => number;

  constructor(catalog: PlanCatalog, store: PlanStore, now: () => number) {
    this.#catalog = catalog;
    this.#store = store;
    this.#now = now;
  }

  /** @throws {ApiError} PLAN_FEATURE_UNAVAILABLE. */
  requireFeatures(plan: Plan, capabilities: Capabilities): void {
    const missing = featuresOf(capabilities).find((feature) => !plan.features.includes(feature));
    if (missing === undefined) return;
    const { subject, purpose } = featureTexts[missing];
    const required = this.#catalog.withFeature(missing);
    const advice = required
      ? `Upgrade to ${required.plan.name}${required.orHigher ? ' or higher' : ''} ${purpose}.`
      : 'No plan of this server includes it.';
    throw new ApiError(
      'PLAN_FEATURE_UNAVAILABLE',
      `${subject} not available on the ${plan.name} plan. ${advice}`,
      { details: { ...(required && { requiredPlan: required.plan.id }), currentPlan: plan.id } },
    );
  }

  /**
   * @param field the field of the request that asked for this long a life.
   * @throws {ApiError} PLAN_LIMIT_EXCEEDED.
   */
  requireDuration(plan: Plan, durationMs: number, { field, value }: { field: string; value: number }): void {
    const most = plan.limits.maxSandboxDurationMs;
    if (most === null || durationMs <= most) return;
    throw this.#exceeded(
      plan,
      `${field} (${value}) exceeds your plan limit of ${duration(most)}. Current plan: ${plan.id}`,
      (other) => (other.limits.maxSandboxDurationMs ?? Infinity) >= durationMs,
    );
  }

  /**
   * Whether one more sandbox may run, decided within the transaction that makes it run: two at once cannot both take
   * the last place.
   * @throws {ApiError} PLAN_LIMIT_EXCEEDED.
   */
  async admit(tx: Tx, organizationId: string, plan: Plan): Promise<void> {
    const { concurrentSandboxes, sandboxHoursPerMonth } = plan.limits;
    if (concurrentSandboxes === null && sandboxHoursPerMonth === null) return;
    const now = this.#now();
    const month = monthOf(now);
    const use = await this.#store.lockedUse(tx, organizationId, { start: month.start, now });
    if (concurrentSandboxes !== null && use.sandboxes >= concurrentSandboxes) {
      throw this.#exceeded(
        plan,
        `${use.sandboxes} sandboxes are running; your plan limit is ${concurrentSandboxes} at once. Current plan: ${plan.id}`,
        ({ limits }) => (limits.concurrentSandboxes ?? Infinity) > use.sandboxes,
      );
    }
    if (sandboxHoursPerMonth !== null && use.sandboxMs >= sandboxHoursPerMonth * hour) {
      const reset = new Date(month.end).toISOString().slice(0, 10);
      throw this.#exceeded(
        plan,
        `All ${sandboxHoursPerMonth} sandbox hours of this month are used; they begin anew on ${reset}. Current plan: ${plan.id}`,
        ({ limits }) => (limits.sandboxHoursPerMonth ?? Infinity) * hour > use.sandboxMs,
      );
    }
  }

  #exceeded(plan: Plan, message: string, fits: (plan: Plan) => boolean): ApiError {
    const required = this.#catalog.above(plan, fits);
    return new ApiError('PLAN_LIMIT_EXCEEDED', message, {
      details: { ...(required && { requiredPlan: required.id }), currentPlan: plan.id },
    });
  }
}

function duration(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes >= 120 && minutes % 60 === 0) return `${minutes / 60} hours`;
  if (Number.isInteger(minutes)) return minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return `${ms / 1000} seconds`;
}

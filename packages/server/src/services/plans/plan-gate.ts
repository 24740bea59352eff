import { ApiError, type Capabilities, type Plan, type PlanFeature } from '@banata/protocol';
import type { Tx } from '../../stores/event-store.ts';
import type { PlanStore, PlanUse } from '../../stores/plan-store.ts';
import type { PlanCatalog } from './plan-catalog.ts';
import { featuresOf, featureTexts } from './plan-features.ts';
import { monthOf } from './period.ts';

const hour = 3_600_000;

/** What is counted of sandboxes, or of browser sessions, and the limits it is compared with. */
interface Metered {
  what: 'sandbox' | 'browser';
  count: number;
  ms: number;
  atOnce: 'concurrentSandboxes' | 'concurrentBrowsers';
  hours: 'sandboxHoursPerMonth' | 'browserHoursPerMonth';
}

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
    this.requireEach(plan, featuresOf(capabilities));
  }

  /** @throws {ApiError} PLAN_FEATURE_UNAVAILABLE naming the first one that the plan lacks. */
  requireEach(plan: Plan, features: PlanFeature[]): void {
    const missing = features.find((feature) => !plan.features.includes(feature));
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
  requireDuration(plan: Plan, durationMs: number, field: { field: string; value: number }): void {
    this.#requireWithin(plan, { durationMs, limit: 'maxSandboxDurationMs' }, field);
  }

  /** The same for a browser session. @throws {ApiError} PLAN_LIMIT_EXCEEDED. */
  requireBrowserDuration(plan: Plan, durationMs: number, field: { field: string; value: number }): void {
    this.#requireWithin(plan, { durationMs, limit: 'maxBrowserDurationMs' }, field);
  }

  #requireWithin(
    plan: Plan,
    { durationMs, limit }: { durationMs: number; limit: 'maxSandboxDurationMs' | 'maxBrowserDurationMs' },
    { field, value }: { field: string; value: number },
  ): void {
    const most = plan.limits[limit];
    if (most === null || durationMs <= most) return;
    throw this.#exceeded(
      plan,
      `${field} (${value}) exceeds your plan limit of ${duration(most)}. Current plan: ${plan.id}`,
      (other) => (other.limits[limit] ?? Infinity) >= durationMs,
    );
  }

  /** Whether {@link PlanGate.admit} could refuse a sandbox. */
  limitsSandboxes({ limits }: Plan): boolean {
    return limits.concurrentSandboxes !== null || limits.sandboxHoursPerMonth !== null;
  }

  /**
   * Whether one more sandbox may run, decided within the transaction that makes it run: two at once cannot both take
   * the last place.
   * @throws {ApiError} PLAN_LIMIT_EXCEEDED.
   */
  admit(tx: Tx, organizationId: string, plan: Plan): Promise<void> {
    return this.#admit({ tx, organizationId, plan }, (use) => ({
      what: 'sandbox',
      count: use.sandboxes,
      ms: use.sandboxMs,
      atOnce: 'concurrentSandboxes',
      hours: 'sandboxHoursPerMonth',
    }));
  }

  /** The same for a browser session. @throws {ApiError} PLAN_LIMIT_EXCEEDED. */
  admitBrowser(tx: Tx, organizationId: string, plan: Plan): Promise<void> {
    return this.#admit({ tx, organizationId, plan }, (use) => ({
      what: 'browser',
      count: use.browsers,
      ms: use.browserMs,
      atOnce: 'concurrentBrowsers',
      hours: 'browserHoursPerMonth',
    }));
  }

  async #admit(
    { tx, organizationId, plan }: { tx: Tx; organizationId: string; plan: Plan },
    pick: (use: PlanUse) => Metered,
  ): Promise<void> {
    const { limits } = plan;
    const { atOnce, hours } = pick({ sandboxes: 0, sandboxMs: 0, browsers: 0, browserMs: 0 });
    const most = limits[atOnce];
    const mostHours = limits[hours];
    if (most === null && mostHours === null) return;
    const now = this.#now();
    const month = monthOf(now);
    const use = await this.#store.lockedUse(tx, organizationId, { start: month.start, now });
    const { what, count, ms } = pick(use);
    if (most !== null && count >= most) {
      const [one, many] =
        what === 'sandbox' ? ['sandbox is', 'sandboxes are'] : ['browser session is', 'browser sessions are'];
      throw this.#exceeded(
        plan,
        `${count} ${count === 1 ? one : many} running; your plan limit is ${most} at once. Current plan: ${plan.id}`,
        (other) => (other.limits[atOnce] ?? Infinity) > count,
      );
    }
    if (mostHours !== null && ms >= mostHours * hour) {
      const reset = new Date(month.end).toISOString().slice(0, 10);
      throw this.#exceeded(
        plan,
        `All ${mostHours} ${what} hours of this month are used; they begin anew on ${reset}. Current plan: ${plan.id}`,
        (other) => (other.limits[hours] ?? Infinity) * hour > ms,
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

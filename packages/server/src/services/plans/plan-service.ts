import { ApiError, type Plan } from '@banata/protocol';
import type { Logger } from '../../logger.ts';
import type { PlanStore } from '../../stores/plan-store.ts';
import type { PlanCatalog } from './plan-catalog.ts';

/** How long a plan that was read is taken as valid: every request asks for it. */
const CACHE_MS = 5_000;
const MAX_CACHED = 10_000;

export interface PlanServiceDeps {
  store: PlanStore;
  catalog: PlanCatalog;
  logger: Logger;
  now: () => number;
}

/** Which plan an organization has. */
export class PlanService {
  readonly catalog: PlanCatalog;
  readonly #deps: PlanServiceDeps;
  readonly #cache = new Map<string, { plan: Plan; until: number }>();

  constructor(deps: PlanServiceDeps) {
    this.#deps = deps;
    this.catalog = deps.catalog;
  }

  /** A plan assigned on another server holds here within five seconds. */
  async of(organizationId: string): Promise<Plan> {
    const now = this.#deps.now();
    const cached = this.#cache.get(organizationId);
    if (cached && cached.until > now) return cached.plan;
    const plan = this.#resolve(organizationId, (await this.#deps.store.find(organizationId)) ?? null);
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(organizationId, { plan, until: now + CACHE_MS });
    return plan;
  }

  /** @throws {ApiError} ORGANIZATION_NOT_FOUND, INVALID_REQUEST naming the plans there are. */
  async assign(
    organizationId: string,
    planId: string | null,
  ): Promise<{ organizationId: string; plan: string; assigned: boolean }> {
    const plan = planId === null ? this.catalog.standard : this.requirePlan(planId);
    if (!(await this.#deps.store.assign(organizationId, planId)))
      throw new ApiError('ORGANIZATION_NOT_FOUND');
    this.#cache.delete(organizationId);
    return { organizationId, plan: plan.id, assigned: planId !== null };
  }

  /** @throws {ApiError} INVALID_REQUEST naming the plans there are. */
  requirePlan(id: string): Plan {
    const plan = this.catalog.find(id);
    if (plan) return plan;
    const ids = this.catalog.plans.map((known) => known.id).join(', ');
    throw new ApiError('INVALID_REQUEST', `Invalid plan: '${id}'. Must be one of: ${ids}`, {
      details: { field: 'plan' },
    });
  }

  #resolve(organizationId: string, id: string | null): Plan {
    const { catalog, logger } = this.#deps;
    if (id === null) return catalog.standard;
    const plan = catalog.find(id);
    if (plan) return plan;
    logger.warn(
      { event: 'plan.unknown', organizationId, plan: id },
      'the plan of an organization is not among the plans; the default one holds for it',
    );
    return catalog.standard;
  }
}

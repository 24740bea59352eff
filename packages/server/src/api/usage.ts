import { contract } from '@banata/protocol';
import type { Checkout } from '../services/plans/checkout.ts';
import type { PlanService } from '../services/plans/plan-service.ts';
import type { UsageService } from '../services/usage/usage-service.ts';
import type { Mount } from './mount.ts';

export interface UsageRoutesDeps {
  plans: PlanService;
  usage: UsageService;
  checkout: Checkout;
}

export function mountUsage(mount: Mount, { plans, usage, checkout }: UsageRoutesDeps): void {
  const routes = contract.usage;

  mount.route(routes.getUsage, ({ caller, query }) => usage.usage(caller, query));

  mount.route(routes.getBilling, ({ caller }) => usage.billing(caller));

  mount.route(routes.checkout, ({ caller, body }) => checkout.begin(caller, body.plan));

  mount.route(routes.listPlans, async ({ caller }) => ({
    data: [...plans.catalog.plans],
    current: (await plans.of(caller.organizationId)).id,
  }));

  mount.route(routes.setPlan, ({ body }) => plans.assign(body.id, body.plan));

  mount.route(routes.sandboxMetrics, ({ caller, query }) => usage.metrics(caller, query.id));
}

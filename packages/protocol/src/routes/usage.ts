import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import { organizationPlanSchema, planListSchema } from '../schemas/plans.ts';
import {
  billingSchema,
  checkoutSchema,
  sandboxMetricsSchema,
  usageQuerySchema,
  usageSchema,
} from '../schemas/usage.ts';

const tag = 'Usage and billing';

export const getUsage = defineRoute({
  id: 'usage.get',
  method: 'GET',
  path: '/v1/usage',
  tag,
  summary: 'Usage of the organization: in all, by day and by sandbox',
  description:
    'Seconds are exact: they come from the times at which sandboxes became ready and ended. CPU, memory, storage and network are sampled at least every 30 s; what a sandbox used after the last sample before a crash of its host is lost.',
  auth: 'org:billing',
  rateLimit: 'usage',
  query: usageQuerySchema,
  reply: { kind: 'json', status: 200, schema: usageSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const getBilling = defineRoute({
  id: 'billing.get',
  method: 'GET',
  path: '/v1/billing',
  tag,
  summary: 'Plan of the organization and what of its limits is used in this period, a calendar month in UTC',
  auth: 'org:billing',
  rateLimit: 'billing',
  reply: { kind: 'json', status: 200, schema: billingSchema },
  errors: [],
});

export const checkout = defineRoute({
  id: 'billing.checkout',
  method: 'POST',
  path: '/v1/billing/checkout',
  tag,
  summary: 'Begin buying a plan; answers a URL to send the buyer to',
  description:
    'The server asks the operator’s billing hook (BANATA_BILLING_CHECKOUT_URL) for the URL. The plan changes when the hook’s system calls POST /v1/organizations/plan.',
  auth: 'org:billing',
  rateLimit: 'billing.checkout',
  audit: ['plan'],
  body: z.strictObject({ plan: z.string().min(1).max(40) }),
  reply: { kind: 'json', status: 200, schema: checkoutSchema },
  errors: ['BILLING_NOT_CONFIGURED', 'BILLING_UNAVAILABLE'],
});

export const listPlans = defineRoute({
  id: 'plans.list',
  method: 'GET',
  path: '/v1/plans',
  tag,
  summary: 'Plans of this installation with their limits and features',
  auth: 'any',
  reply: { kind: 'json', status: 200, schema: planListSchema },
  errors: [],
});

export const setPlan = defineRoute({
  id: 'organizations.setPlan',
  method: 'POST',
  path: '/v1/organizations/plan',
  tag,
  summary: 'Give an organization a plan',
  description:
    'Holds at once on the server that answers, and within 5 s on others. Sandboxes that run go on.',
  auth: 'organizations:manage',
  operator: true,
  audit: ['plan'],
  body: z.strictObject({
    id: idSchema.describe('Of the organization.'),
    plan: z.string().max(40).nullable().describe('Id of a plan. Null: the default one of the installation.'),
  }),
  reply: { kind: 'json', status: 200, schema: organizationPlanSchema },
  errors: ['ORGANIZATION_NOT_FOUND'],
});

export const sandboxMetrics = defineRoute({
  id: 'sandboxes.metrics',
  method: 'GET',
  path: '/v1/sandboxes/metrics',
  tag,
  summary: 'What a sandbox uses at this moment',
  auth: 'sandbox_sessions:read',
  rateLimit: 'sandboxes.read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: sandboxMetricsSchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'NOT_SUPPORTED'],
});

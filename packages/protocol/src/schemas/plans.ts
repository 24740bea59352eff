import { z } from 'zod';

const limit = (unit: string) => z.number().positive().nullable().describe(`${unit} Null: no limit.`);

/** What a plan can open or close. */
export const planFeatureSchema = z.enum([
  'captcha',
  'stealth',
  'recording',
  'heavy-weight',
  'dedicated-isolation',
  'dedicated-dc-egress',
  'rotating-residential-egress',
  'static-residential-egress',
  'byo-proxy',
  'paired-browser',
]);
export type PlanFeature = z.infer<typeof planFeatureSchema>;

export const planLimitsSchema = z.strictObject({
  concurrentSandboxes: limit('Sandboxes at once that are neither paused nor ended.'),
  maxSandboxDurationMs: limit('Longest life of a sandbox, ms.'),
  sandboxHoursPerMonth: limit('Hours of sandboxes in a calendar month, UTC.'),
  concurrentBrowsers: limit('Browser sessions at once.'),
  maxBrowserDurationMs: limit('Longest life of a browser session, ms.'),
  browserHoursPerMonth: limit('Hours of browser sessions in a calendar month, UTC.'),
});

export const planSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]{1,40}$/, '1 to 40 lowercase letters, digits and "-"'),
  name: z.string().min(1).max(60),
  limits: planLimitsSchema,
  features: z.array(planFeatureSchema),
});
export type Plan = z.infer<typeof planSchema>;

export const planListSchema = z.object({
  data: z.array(planSchema).describe('Least one first; the order decides what `requiredPlan` names.'),
  current: z.string().describe('Plan of the caller’s organization.'),
});

export const organizationPlanSchema = z.object({
  organizationId: z.string(),
  plan: z.string(),
  assigned: z.boolean().describe('False: the organization has the default plan of the installation.'),
});

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { planSchema } from './plans.ts';

const count = (text: string) => z.number().nonnegative().describe(text);
const daySchema = z.iso.date().describe('A day, UTC, such as 2026-04-01.');

export const usageFiguresSchema = z.object({
  sandboxSeconds: count('From ready to the end, pauses left out.'),
  browserSeconds: count('The same of sandboxes with a browser and of browser sessions.'),
  cpuSeconds: count('CPU time the sandboxes used.'),
  memoryPeakBytes: count('Most memory one sandbox held.'),
  storagePeakBytes: count('Most disk one sandbox held.'),
  egressBytes: count('What the sandboxes sent over their network links, replies to API calls included.'),
  ingressBytes: count('What they received there.'),
  modelRequests: count('Model calls through the model gateway.'),
  modelInputTokens: count('Tokens sent to models.'),
  modelOutputTokens: count('Tokens models answered.'),
  modelCostUsd: count('What they cost, as far as providers or the server’s price table say.'),
});
export type UsageFigures = z.infer<typeof usageFiguresSchema>;

export const usageQuerySchema = z.strictObject({
  from: daySchema.optional().describe('First day, UTC. Default: the first of this month.'),
  to: daySchema
    .optional()
    .describe('Last day, UTC, included. Default: today. At most 366 days after `from`.'),
  id: idSchema.optional().describe('Only this sandbox.'),
  limit: z.coerce.number().int().min(1).max(500).default(50).describe('Of `sandboxes`.'),
  cursor: z.string().max(200).optional().describe('`nextCursor` of the page before.'),
});

export const usageSchema = z.object({
  from: z.string(),
  to: z.string(),
  total: usageFiguresSchema,
  artifactBytes: count('What artifacts hold now.'),
  days: z.array(usageFiguresSchema.extend({ day: z.string() })).describe('Days with any use, oldest first.'),
  sandboxes: z
    .array(usageFiguresSchema.extend({ sandboxId: z.string() }))
    .describe('Sandboxes with any use, newest first.'),
  nextCursor: z.string().nullable(),
});
export type Usage = z.infer<typeof usageSchema>;

const meterSchema = z.object({
  used: z.number(),
  limit: z.number().nullable().describe('Null: no limit.'),
});

export const billingSchema = z.object({
  plan: planSchema,
  period: z.object({
    start: z.number().describe('Epoch ms.'),
    end: z.number().describe('Epoch ms; the counts begin anew then.'),
  }),
  usage: z.object({
    sandboxHours: meterSchema,
    concurrentSandboxes: meterSchema,
    browserHours: meterSchema.describe('Of browser sessions.'),
    concurrentBrowsers: meterSchema.describe('Browser sessions.'),
  }),
  checkoutAvailable: z.boolean().describe('Whether POST /v1/billing/checkout works on this server.'),
});
export type Billing = z.infer<typeof billingSchema>;

export const checkoutSchema = z.object({ url: z.url().describe('Page on which the plan is bought.') });

export const sandboxMetricsSchema = z.object({
  id: z.string(),
  sampledAt: z.number().describe('Epoch ms.'),
  cpu: z.object({
    usedSeconds: count('CPU time since the sandbox started.'),
    cores: count('CPUs in use now, on average over a tenth of a second.'),
    limitCores: z.number(),
  }),
  memory: z.object({ bytes: z.number(), peakBytes: z.number(), limitBytes: z.number() }),
  disk: z.object({ bytes: z.number(), limitBytes: z.number() }),
  processes: z.object({ count: z.number(), limit: z.number() }),
  output: z.object({
    limitBytes: count('What is kept of each output stream of a command or background process.'),
  }),
  network: z.object({ egressBytes: z.number(), ingressBytes: z.number() }),
});
export type SandboxMetrics = z.infer<typeof sandboxMetricsSchema>;

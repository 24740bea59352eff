import { z } from 'zod';
import { runtimeSchema } from '../box/config.ts';
import { idSchema } from '../ids.ts';
import { capabilitiesSchema } from './capabilities.ts';
import { networkSchema } from './network.ts';
import { pageOf } from './page.ts';

export const sandboxStatusSchema = z.enum([
  'queued',
  'assigning',
  'ready',
  'active',
  'pausing',
  'paused',
  'ending',
  'ended',
  'failed',
]);
export type SandboxStatus = z.infer<typeof sandboxStatusSchema>;

/**
 * All variables together, bytes. The kernel takes 2 MiB for arguments and environment of a program: a sandbox with more
 * in its environment could run nothing at all.
 */
const MAX_ENVIRONMENT_BYTES = 1024 * 1024;

const environmentSchema = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a variable name has letters, digits and "_"'),
    z
      .string()
      .max(32 * 1024)
      .refine((value) => !value.includes('\0'), 'a variable has no NUL character'),
  )
  .refine(isShortEnough, 'all variables together have at most 1 MiB');

function isShortEnough(env: Record<string, string>): boolean {
  const encoder = new TextEncoder();
  const lengths = Object.entries(env).map(([name, value]) => encoder.encode(`${name}=${value}`).length);
  return lengths.reduce((sum, length) => sum + length, 0) <= MAX_ENVIRONMENT_BYTES;
}

/** Longest life a sandbox can be given at once: 24 hours. */
export const MAX_DURATION_MS = 24 * 60 * 60 * 1000;

const durationSchema = z.number().int().positive().max(MAX_DURATION_MS);

export const isolationSchema = z.enum(['container', 'gvisor']);
export type Isolation = z.infer<typeof isolationSchema>;

const sizeSchema = z.string().max(32);

export const createSandboxSchema = z.strictObject({
  runtime: runtimeSchema.optional().describe('Decides the default language of /code. Default "bun".'),
  size: sizeSchema
    .optional()
    .describe(
      'One of the sizes that the operator of the server offers. Default "standard": 2 CPUs, 4 GiB, unless the operator changed it.',
    ),
  region: z
    .string()
    .regex(/^[a-z]{3}$/, 'must be three lowercase letters')
    .optional()
    .describe('Preference only. A server on one machine answers its own region.'),
  ephemeral: z.boolean().optional().describe('Default true.'),
  env: environmentSchema
    .optional()
    .describe(
      'Environment of commands and agent: 32 Ki characters a variable, 1 MiB in all. Model keys never enter the sandbox.',
    ),
  capabilities: capabilitiesSchema.nullish(),
  isolation: isolationSchema
    .optional()
    .describe('What keeps the sandbox from its host. Default: what the operator of the server chose.'),
  network: networkSchema.optional().describe('What the sandbox may reach. Default { egress: "all" }.'),
  metadata: z
    .record(z.string().max(64), z.string().max(1024))
    .optional()
    .describe('Free-form labels, returned as they are.'),
  maxDurationMs: durationSchema
    .optional()
    .describe(
      'Life of the sandbox in ms. Default: the longest the plan allows; without such a limit one hour.',
    ),
  idleTimeoutMs: durationSchema
    .nullish()
    .describe(
      'The sandbox ends after this long without activity, in ms. Null: never. Default 900,000 (15 minutes).',
    ),
});
export type CreateSandbox = z.infer<typeof createSandboxSchema>;

export const controlModeSchema = z.enum(['ai', 'human', 'shared']);

export const pairedBrowserSchema = z.object({
  sessionId: z.string(),
  cdpUrl: z
    .string()
    .describe('WebSocket URL for Playwright connectOverCDP or puppeteer.connect; holds a token.'),
  previewUrl: z
    .string()
    .nullable()
    .describe('Standalone viewer page; holds a token. Null when the live view is switched off.'),
  recording: z.boolean(),
  persistentProfile: z.boolean(),
  controlMode: controlModeSchema,
});

export const sandboxSessionSchema = z
  .object({
    id: idSchema,
    status: sandboxStatusSchema,
    runtime: runtimeSchema,
    size: sizeSchema,
    region: z.string(),
    ephemeral: z.boolean(),
    capabilities: capabilitiesSchema.nullable(),
    isolation: isolationSchema,
    network: networkSchema,
    metadata: z.record(z.string(), z.string()),
    createdAt: z.number(),
    readyAt: z
      .number()
      .nullable()
      .describe('When its processes began: anew after a restore, and after a pause that did not keep them.'),
    endedAt: z.number().nullable(),
    expiresAt: z
      .number()
      .describe('When the sandbox is ended at the latest; renew with POST /v1/sandboxes/timeout.'),
    idleTimeoutMs: z.number().nullable(),
    lastActivityAt: z.number(),
    endReason: z.string().nullable().describe('Why it ended or failed.'),
    pairedBrowser: pairedBrowserSchema.nullable(),
  })
  .meta({ id: 'SandboxSession' });
export type SandboxSession = z.infer<typeof sandboxSessionSchema>;

export const sandboxListSchema = pageOf(sandboxSessionSchema);

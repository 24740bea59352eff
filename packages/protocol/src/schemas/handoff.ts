import { z } from 'zod';
import { idSchema } from '../ids.ts';
import {
  handoffDeliverSchema,
  handoffDetectedSchema,
  handoffFieldsSchema,
  MAX_HANDOFF_VALUE,
} from './handoff-fields.ts';
import { viewerNonceSchema } from './viewer-nonce.ts';
import { controlModeSchema, sandboxStatusSchema } from './sandbox.ts';
import { pageOf } from './page.ts';

/** How long a person is waited for when nothing is said: an hour. */
export const DEFAULT_HANDOFF_EXPIRY_MS = 60 * 60 * 1000;
const MIN_HANDOFF_EXPIRY_MS = 1000;
const MAX_HANDOFF_EXPIRY_MS = 24 * 60 * 60 * 1000;
/** Lease of who accepts when none is named, ms. */
export const DEFAULT_HANDOFF_LEASE_MS = 5 * 60 * 1000;

export const handoffStatusSchema = z.enum(['pending', 'accepted', 'completed', 'cancelled', 'expired']);
export type HandoffStatus = z.infer<typeof handoffStatusSchema>;

export const handoffReasonSchema = z.enum([
  'mfa',
  'captcha',
  'approval',
  'login_failed',
  'ambiguous_ui',
  'file_download',
  'custom',
]);
export type HandoffReason = z.infer<typeof handoffReasonSchema>;

/** What a handoff may hold of text; box and API share it. */
export const handoffTexts = {
  message: z
    .string()
    .trim()
    .min(1)
    .max(4000)
    .describe('What the person is to do, in words that need no other context.'),
  resumePrompt: z
    .string()
    .trim()
    .min(1)
    .max(64 * 1024)
    .describe('Prompt that the agent gets when the person is done.'),
  expiresInMs: z.number().int().min(MIN_HANDOFF_EXPIRY_MS).max(MAX_HANDOFF_EXPIRY_MS),
};

/** A request for a person. Times are epoch ms. */
export const handoffSchema = z
  .object({
    requestId: idSchema,
    status: handoffStatusSchema,
    reason: handoffReasonSchema,
    message: z.string(),
    requestedBy: z.enum(['agent', 'opencode', 'worker', 'sdk', 'dashboard']),
    round: z.number().int().describe('1, and one more each time a person left without an end.'),
    controller: z.string().optional().describe('Who accepted.'),
    resumePrompt: z.string().optional(),
    fields: handoffFieldsSchema.optional(),
    deliver: handoffDeliverSchema.optional().describe('Set where there are fields.'),
    filledAt: z.number().optional().describe('When the person filled the form.'),
    detected: handoffDetectedSchema.optional().describe('What a detector saw; where one asked.'),
    note: z.string().optional().describe('What the person, or who cancelled, said at the end.'),
    taskId: idSchema.optional().describe('The task that waits for it.'),
    followUpTaskId: idSchema.optional().describe('The task with which the agent went on.'),
    requestedAt: z.number(),
    acceptedAt: z.number().optional(),
    leaseUntil: z
      .number()
      .optional()
      .describe('The person has control until then; it is renewed while they work.'),
    completedAt: z.number().optional(),
    expiresAt: z.number().optional(),
    updatedAt: z.number(),
  })
  .meta({ id: 'Handoff' });
export type Handoff = z.infer<typeof handoffSchema>;

const controllerSchema = z.string().trim().min(1).max(200);
const leaseSchema = z
  .number()
  .int()
  .min(1000)
  .max(24 * 60 * 60 * 1000);
const noteSchema = z.string().trim().max(4000);

export const handoffRequestSchema = z.strictObject({
  id: idSchema,
  reason: handoffReasonSchema,
  message: handoffTexts.message,
  requestedBy: z.enum(['agent', 'opencode', 'worker', 'sdk', 'dashboard']).default('sdk'),
  resumePrompt: handoffTexts.resumePrompt.optional(),
  expiresInMs: handoffTexts.expiresInMs
    .optional()
    .describe(`How long a person is waited for. Default ${DEFAULT_HANDOFF_EXPIRY_MS}.`),
  fields: handoffFieldsSchema.optional(),
  deliver: handoffDeliverSchema.optional(),
});

export const handoffAcceptSchema = z.strictObject({
  id: idSchema,
  controller: controllerSchema.describe('The person, in words of your own, such as an e-mail address.'),
  leaseMs: leaseSchema
    .optional()
    .describe(`Default ${DEFAULT_HANDOFF_LEASE_MS}; renewed while the person works.`),
});

export const handoffRenewSchema = z.strictObject({
  id: idSchema,
  controller: controllerSchema.describe('Who accepted.'),
  leaseMs: leaseSchema.optional(),
});

export const handoffCompleteSchema = z.strictObject({
  id: idSchema,
  controller: controllerSchema.optional().describe('When given, it must be who accepted.'),
  note: noteSchema.optional(),
  returnControlTo: z.enum(['ai', 'shared']).default('ai'),
  runResumePrompt: z
    .boolean()
    .optional()
    .describe(
      'Whether the agent goes on. Default true when a task waits or there is a resumePrompt. False ends a waiting task as it is.',
    ),
});

/** Of no type, so that no error repeats it; the service checks it. */
const valuesSchema = z.unknown().meta({
  type: 'object',
  additionalProperties: { type: 'string', minLength: 1, maxLength: MAX_HANDOFF_VALUE },
  description: 'A value for the name of each field.',
});

export const handoffFillSchema = z.strictObject({
  id: idSchema,
  controller: controllerSchema.describe('Who fills the form; accepts the request where nobody has.'),
  values: valuesSchema,
  note: noteSchema.optional(),
});

export const handoffCancelSchema = z.strictObject({ id: idSchema, note: noteSchema.optional() });

const previewStateSchema = z
  .object({
    status: z.enum(['starting', 'ready', 'failed', 'ended']),
    controlMode: controlModeSchema,
    controller: z.string().optional(),
    updatedAt: z.number(),
  })
  .nullable()
  .describe('Null in a sandbox without a browser.');

const pairedBrowserSchema = z
  .object({
    previewUrl: z.string().optional().describe('Viewer page; after accept it drives for the controller.'),
    controlMode: controlModeSchema,
    controller: z.string().optional(),
    handoffRequestedAt: z.number(),
    updatedAt: z.number(),
  })
  .nullable();

export const handoffReplySchema = z.object({
  ok: z.literal(true),
  handoff: handoffSchema,
  preview: previewStateSchema,
  pairedBrowser: pairedBrowserSchema,
  viewerUrl: z
    .string()
    .nullable()
    .describe(
      'Page on which its bearer accepts and completes this request, without an account; null once closed.',
    ),
});

export const handoffStateSchema = z.object({
  ok: z.literal(true),
  humanHandoff: handoffSchema.nullable().describe('The newest request; null when there was none.'),
  handoff: handoffSchema.nullable().describe('The same.'),
  preview: previewStateSchema,
  pairedBrowser: pairedBrowserSchema,
});

export const handoffHistorySchema = pageOf(handoffSchema);

/** Open requests of all sandboxes of an organization. */
export const openHandoffsSchema = pageOf(handoffSchema.extend({ sandboxId: idSchema }));

/** What the page of one request shows. */
export const handoffViewSchema = z.object({
  handoff: handoffSchema.pick({
    requestId: true,
    status: true,
    reason: true,
    message: true,
    requestedBy: true,
    controller: true,
    note: true,
    requestedAt: true,
    leaseUntil: true,
    expiresAt: true,
    completedAt: true,
    fields: true,
    deliver: true,
    filledAt: true,
    detected: true,
  }),
  sandboxStatus: sandboxStatusSchema,
  hasBrowser: z.boolean(),
  mine: z.boolean().describe('Whether this tab accepted it.'),
  screenToken: z
    .string()
    .nullable()
    .describe('Token for the live view: it drives for who accepted, and shows the picture to others.'),
  now: z.number(),
});

export const handoffLinkAcceptSchema = z.strictObject({
  viewer: viewerNonceSchema,
  controller: controllerSchema.optional().describe('Name to show.'),
});
export const handoffLinkRenewSchema = z.strictObject({ viewer: viewerNonceSchema });
export const handoffLinkCompleteSchema = z.strictObject({
  viewer: viewerNonceSchema,
  outcome: z.enum(['done', 'cannot']),
  note: noteSchema.optional(),
});
export const handoffLinkFillSchema = z.strictObject({
  viewer: viewerNonceSchema,
  values: valuesSchema,
  note: noteSchema.optional(),
});

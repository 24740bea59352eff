import { z } from 'zod';
import {
  handoffDeliverSchema,
  handoffDetectedSchema,
  handoffFieldSchema,
  handoffFieldsSchema,
  MAX_HANDOFF_FIELDS,
  MAX_HANDOFF_VALUE,
} from '../schemas/handoff-fields.ts';
import { handoffReasonSchema, handoffTexts } from '../schemas/handoff.ts';

const requestIdSchema = z.string().regex(/^[0-9a-f]{32}$/);

/** What `banata-request-handoff` hands in. */
export const boxHandoffWishSchema = z.object({
  reason: handoffReasonSchema,
  message: handoffTexts.message,
  resumePrompt: handoffTexts.resumePrompt.optional(),
  expiresInMs: handoffTexts.expiresInMs.optional(),
  fields: handoffFieldsSchema.optional(),
  deliver: handoffDeliverSchema.optional(),
});
export type BoxHandoffWish = z.infer<typeof boxHandoffWishSchema>;

/** A request for a person, made in the box. */
export const boxHandoffSchema = boxHandoffWishSchema.extend({
  requestId: requestIdSchema,
  /** The task whose agent asks; null when it cannot be told. */
  taskId: z.string().nullable(),
  /** Absent: the agent. */
  requestedBy: z.enum(['agent', 'worker']).optional(),
  /** What a detector saw. */
  detected: handoffDetectedSchema.optional(),
});
export type BoxHandoff = z.infer<typeof boxHandoffSchema>;

/** Body of `PUT /agent/holds/{requestId}`: whether tasks wait for that request. */
export const boxHoldSchema = z.object({ held: z.boolean() });
export const boxHoldReplySchema = z.object({ held: z.boolean() });

/** Body of `PUT /browser/secrets/{requestId}`: what a person entered. It is kept in memory only. */
export const boxSecretsSchema = z.object({
  deliver: handoffDeliverSchema,
  entries: z
    .array(handoffFieldSchema.extend({ value: z.string().min(1).max(MAX_HANDOFF_VALUE) }))
    .min(1)
    .max(MAX_HANDOFF_FIELDS),
  /** The task that may use placeholders; from its end on they stand for nothing. */
  taskId: z.string().nullable(),
  /** They are forgotten after this time in any case. */
  keepMs: z
    .number()
    .int()
    .positive()
    .max(24 * 60 * 60 * 1000),
});
export type BoxSecrets = z.infer<typeof boxSecretsSchema>;
export type BoxSecret = BoxSecrets['entries'][number];
/** How many were typed into the page; none for placeholders. */
export const boxSecretsReplySchema = z.object({ typed: z.number() });

import { z } from 'zod';
import { handoffReasonSchema, handoffTexts } from '../schemas/handoff.ts';

const requestIdSchema = z.string().regex(/^[0-9a-f]{32}$/);

/** What `banata-request-handoff` hands in. */
export const boxHandoffWishSchema = z.object({
  reason: handoffReasonSchema,
  message: handoffTexts.message,
  resumePrompt: handoffTexts.resumePrompt.optional(),
  expiresInMs: handoffTexts.expiresInMs.optional(),
});
export type BoxHandoffWish = z.infer<typeof boxHandoffWishSchema>;

/** A request for a person, made in the box. */
export const boxHandoffSchema = boxHandoffWishSchema.extend({
  requestId: requestIdSchema,
  /** The task whose agent asks; null when it cannot be told. */
  taskId: z.string().nullable(),
});
export type BoxHandoff = z.infer<typeof boxHandoffSchema>;

/** Body of `PUT /agent/holds/{requestId}`: whether tasks wait for that request. */
export const boxHoldSchema = z.object({ held: z.boolean() });
export const boxHoldReplySchema = z.object({ held: z.boolean() });

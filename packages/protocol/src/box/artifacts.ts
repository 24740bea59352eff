import { z } from 'zod';
import { archiveFormatSchema } from '../schemas/artifacts.ts';

/** What `banata-publish-artifact` asks for. */
export const boxPublishSchema = z.object({
  /** Absolute. */
  path: z.string().min(1).max(4096),
  name: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\0]+$/)
    .optional(),
  format: archiveFormatSchema.optional(),
});
export type BoxPublish = z.infer<typeof boxPublishSchema>;

/** Body of `PUT /agent/artifacts/{requestId}`: what became of a request to publish. */
export const boxPublishOutcomeSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), key: z.string(), size: z.number() }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);
export type BoxPublishOutcome = z.infer<typeof boxPublishOutcomeSchema>;

export const boxPublishTakenSchema = z.object({ ok: z.literal(true) });

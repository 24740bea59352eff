import { conversionOutputSchema, MAX_CONVERSION_OUTPUTS } from '@banata/protocol/box';
import { z } from 'zod';

const id = z.string();

/** What the document host says, a line of JSON each. It runs as `user`, so nothing is taken for granted. */
export const hostMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('missing') }),
  z.object({
    type: z.literal('done'),
    id,
    outputs: z.array(conversionOutputSchema).min(1).max(MAX_CONVERSION_OUTPUTS),
    pages: z.number().int().positive().nullable(),
  }),
  z.object({ type: z.literal('failed'), id, code: z.string(), message: z.string().max(10_000) }),
]);
export type HostMessage = z.infer<typeof hostMessageSchema>;

/** The host's last word about a job. */
export type HostAnswer = Extract<HostMessage, { type: 'done' | 'failed' }>;

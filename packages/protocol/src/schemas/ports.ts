import { z } from 'zod';
import { idSchema } from '../ids.ts';

const hour = 60 * 60_000;

export const portSchema = z.int().min(1).max(65535);

export const exposePortSchema = z.strictObject({
  id: idSchema,
  port: portSchema.describe('Port a program in the sandbox listens on; it need not listen yet.'),
  ttlMs: z
    .int()
    .min(1_000)
    .max(24 * hour)
    .default(hour)
    .describe('How long the preview is good, ms. It ends with the sandbox at the latest.'),
  public: z
    .boolean()
    .default(false)
    .describe(
      'Whether anyone who knows the address may use it. Default: only who has the URL with its token.',
    ),
});

/** A port of a sandbox under an address of its own. */
export const portPreviewSchema = z.object({
  port: portSchema,
  url: z
    .string()
    .describe('To open in a browser. Of a private preview it holds the token, which becomes a cookie.'),
  origin: z.string().describe('Scheme, host and port of the preview, without a token.'),
  public: z.boolean(),
  token: z
    .string()
    .nullable()
    .describe('For programs: send it as the header "x-banata-preview-token". Null for a public preview.'),
  expiresAt: z.number(),
  createdAt: z.number(),
});
export type PortPreview = z.infer<typeof portPreviewSchema>;

export const portPreviewListSchema = z.object({ data: z.array(portPreviewSchema) });

export const revokePortReplySchema = z.object({
  ok: z.literal(true),
  revoked: z.boolean().describe('False when the port had no preview.'),
});

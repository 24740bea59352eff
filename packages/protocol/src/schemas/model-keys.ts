import { z } from 'zod';

export const modelProviderSchema = z.enum(['openrouter', 'openai', 'anthropic']);

const modelIdSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[\x21-\x7e]+$/, 'a model id has up to 256 printable ASCII characters without blanks');

export const setModelKeySchema = z
  .strictObject({
    provider: modelProviderSchema.describe('Whose API is spoken.'),
    apiKey: z
      .string()
      .min(1)
      .max(4096)
      .regex(/^[\x21-\x7e]+$/, 'a key has up to 4096 printable ASCII characters without blanks')
      .optional()
      .describe('Stored sealed, and never shown again. May be left out where `baseUrl` needs none.'),
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional()
      .describe('Default: the provider’s own. No user name, password, query or fragment.'),
    model: modelIdSchema.optional().describe('Main model of sandboxes that name none.'),
    smallModel: modelIdSchema.optional().describe('Model for titles and skills. Default: `model`.'),
  })
  .refine(({ apiKey, baseUrl }) => apiKey !== undefined || baseUrl !== undefined, {
    message: 'give apiKey, or the baseUrl of a server that needs none',
    path: ['apiKey'],
  });
export type SetModelKey = z.infer<typeof setModelKeySchema>;

export const modelKeySchema = z
  .object({
    provider: modelProviderSchema,
    apiKey: z.string().nullable().describe('Masked: an ellipsis and the last four characters. Null: none.'),
    baseUrl: z.string().nullable().describe('Null: the provider’s own.'),
    model: z.string().nullable(),
    smallModel: z.string().nullable(),
    updatedAt: z.number(),
  })
  .meta({ id: 'ModelKey' });
export type ModelKey = z.infer<typeof modelKeySchema>;

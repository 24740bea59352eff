import { z } from 'zod';

/** Formats that documents can be turned into. */
export const documentFormatSchema = z.enum([
  ...(['pdf', 'docx', 'odt', 'rtf', 'html', 'txt'] as const),
  ...(['xlsx', 'ods', 'csv', 'pptx', 'odp', 'png'] as const),
]);
export type DocumentFormat = z.infer<typeof documentFormatSchema>;

export const conversionOptionsSchema = z.strictObject({
  pages: z
    .string()
    .max(500)
    .regex(/^\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*$/, 'pages and ranges such as "1-3,5"')
    .optional()
    .describe(
      'Pages, such as "1-3,5", for pdf, png and, where the text is taken from pages, txt. Default: all.',
    ),
  dpi: z.number().int().min(36).max(600).optional().describe('Resolution of png. Default 150.'),
  password: z.string().min(1).max(1000).optional().describe('Opens an encrypted document.'),
  sheet: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Sheet that csv is made of, from 1. Default 1.'),
  delimiter: z.enum([',', ';', '\t', '|']).optional().describe('Between the values of csv. Default ",".'),
});
export type ConversionOptions = z.infer<typeof conversionOptionsSchema>;

/** Body of `POST /documents/convert`. */
export const boxConversionSchema = z.object({
  path: z.string(),
  to: documentFormatSchema,
  output: z.string().optional(),
  options: conversionOptionsSchema.default({}),
  /** Time for waiting in the queue and converting together. */
  timeoutMs: z.number().int().positive(),
});
export type BoxConversion = z.infer<typeof boxConversionSchema>;

/** Files that one conversion makes at most: pictures of pages. */
export const MAX_CONVERSION_OUTPUTS = 500;

export const conversionOutputSchema = z.object({
  path: z.string().max(8192),
  size: z.number().int().nonnegative().describe('Bytes.'),
});

export const boxConversionResultSchema = z.object({
  /** Absolute path of the source. */
  source: z.string().max(8192),
  outputs: z.array(conversionOutputSchema).min(1).max(MAX_CONVERSION_OUTPUTS),
  /** Null: the format has no pages. */
  pages: z.number().int().positive().nullable(),
  durationMs: z.number().nonnegative(),
});
export type BoxConversionResult = z.infer<typeof boxConversionResultSchema>;

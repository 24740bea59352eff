import { z } from 'zod';
import {
  MAX_CONVERSION_OUTPUTS,
  conversionOptionsSchema,
  conversionOutputSchema,
  documentFormatSchema,
} from '../box/documents.ts';
import { idSchema } from '../ids.ts';

export const DEFAULT_CONVERSION_TIMEOUT_MS = 60_000;
export const MAX_CONVERSION_TIMEOUT_MS = 10 * 60_000;

const pathSchema = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.includes('\0'), 'a path has no NUL character');

export const convertDocumentSchema = z.strictObject({
  id: idSchema,
  path: pathSchema.describe(
    'Document in the sandbox. Its ending tells what it is: docx, doc, odt, fodt, rtf, html, htm, md, markdown, txt, xlsx, xls, ods, fods, csv, tsv, pptx, ppt, odp, fodp or pdf.',
  ),
  to: documentFormatSchema,
  output: pathSchema
    .optional()
    .describe(
      'Where the result goes; an existing file is replaced. Default: beside the document, with the format as its ending. Several pictures get "-1", "-2" and so on before the ending.',
    ),
  options: conversionOptionsSchema.default({}),
  publish: z.boolean().default(false).describe('Also keep what was made as artifacts.'),
  timeout: z
    .number()
    .int()
    .positive()
    .max(MAX_CONVERSION_TIMEOUT_MS)
    .default(DEFAULT_CONVERSION_TIMEOUT_MS)
    .describe('Milliseconds, with the time that the conversion waits for others.'),
});

const artifactKey = z.string().optional().describe('There when it was published.');

export const conversionSchema = z
  .object({
    path: z.string().describe('What was made; of several pictures the first.'),
    size: z.number().describe('Bytes.'),
    artifactKey,
    outputs: z
      .array(conversionOutputSchema.extend({ artifactKey }))
      .max(MAX_CONVERSION_OUTPUTS)
      .describe('All that was made.'),
    pages: z
      .number()
      .int()
      .optional()
      .describe('Pages of a pdf, pictures, or pages that a text was taken from; absent for other formats.'),
    durationMs: z.number().describe('In the sandbox, with the time that it waited for others.'),
  })
  .meta({ id: 'Conversion' });
export type Conversion = z.infer<typeof conversionSchema>;

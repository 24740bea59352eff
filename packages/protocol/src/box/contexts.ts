import { z } from 'zod';
import { boxExecResultSchema } from './exec.ts';

export const contextLanguageSchema = z.enum(['python', 'javascript', 'typescript']);
export type ContextLanguage = z.infer<typeof contextLanguageSchema>;

/** Body of `POST /contexts`. */
export const boxContextStartSchema = z.object({
  language: contextLanguageSchema,
  cwd: z.string().default('/workspace'),
});

export const boxContextSchema = z.object({
  id: z.string(),
  language: contextLanguageSchema,
  cwd: z.string(),
  /** `dead`: its interpreter ended by itself; the next run starts a new one, without the variables. */
  status: z.enum(['starting', 'idle', 'busy', 'dead']),
  /** Calls that wait for the one under way. */
  queued: z.number().int(),
  /** Epoch milliseconds. */
  createdAt: z.number(),
});
export type BoxContext = z.infer<typeof boxContextSchema>;
export const boxContextListSchema = z.object({ contexts: z.array(boxContextSchema) });

/** One value or picture of a run: the same thing in every form its kernel gives, by MIME type. */
export const richResultSchema = z.object({
  /** True for the value of the last expression, false for what was displayed on the way. */
  isMain: z.boolean(),
  text: z.string().nullable(),
  html: z.string().nullable(),
  markdown: z.string().nullable(),
  svg: z.string().nullable(),
  /** base64. */
  png: z.string().nullable(),
  /** base64. */
  jpeg: z.string().nullable(),
  json: z.unknown(),
  /** A table as a JSON Table Schema data resource (`schema.fields`, `data`), at most 1,000 rows. */
  table: z.unknown(),
});
export type RichResult = z.infer<typeof richResultSchema>;

export const codeErrorSchema = z.object({
  /** Class of the error, such as `ValueError`; `KernelDied`, `Timeout` and `Interrupted` are ours. */
  name: z.string(),
  value: z.string(),
  /** Lines, without colours. */
  traceback: z.array(z.string()),
});
export type CodeError = z.infer<typeof codeErrorSchema>;

/** Body of `POST /contexts/{id}/run`. */
export const boxContextRunSchema = z.object({
  code: z.string(),
  /** Time for waiting in the queue and running together. */
  timeoutMs: z.number().int().positive(),
  maxOutputBytes: z
    .number()
    .int()
    .positive()
    .default(1024 * 1024),
});

export const boxContextResultSchema = boxExecResultSchema.extend({
  context: z.string(),
  results: z.array(richResultSchema),
  error: codeErrorSchema.nullable(),
  /** True when the interpreter was started anew after this run: its variables are gone. */
  restarted: z.boolean(),
});
export type BoxContextResult = z.infer<typeof boxContextResultSchema>;

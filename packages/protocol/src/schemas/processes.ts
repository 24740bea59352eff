import { z } from 'zod';
import {
  boxProcessListSchema,
  boxProcessOutputSchema,
  boxProcessSchema,
  boxProcessStartSchema,
  PROCESS_SIGNALS,
} from '../box/process.ts';
import { idSchema } from '../ids.ts';

export const MAX_PROCESS_WAIT_MS = 60_000;
const processIdSchema = z.string().regex(/^[a-z0-9]{1,64}$/, 'an id of POST /v1/sandboxes/processes');

export const processStartSchema = z.strictObject({
  id: idSchema,
  command: z.string().min(1).describe('With `args` the program to run; without, a shell line.'),
  args: z.array(z.string()).optional(),
  cwd: z.string().optional().describe('Default /workspace.'),
  env: boxProcessStartSchema.shape.env.optional(),
  user: z.enum(['user', 'root']).optional().describe('Default "user".'),
  stdin: z
    .boolean()
    .optional()
    .describe('True: standard input can be written to until it is closed. Default false: it is empty.'),
});
export const processSchema = boxProcessSchema;
export const processListQuerySchema = z.strictObject({ id: idSchema, processId: processIdSchema.optional() });
export const processListReplySchema = z.union([boxProcessListSchema, boxProcessSchema]);

const offsetSchema = z.coerce.number().int().nonnegative().default(0);
export const processOutputQuerySchema = z.strictObject({
  id: idSchema,
  processId: processIdSchema,
  stdoutOffset: offsetSchema.describe('Bytes of stdout that the caller has.'),
  stderrOffset: offsetSchema,
  maxBytes: z.coerce
    .number()
    .int()
    .min(1)
    .max(4 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('Most bytes of each stream in the answer.'),
});
export const processOutputReplySchema = boxProcessOutputSchema;

export const processStdinSchema = z.strictObject({
  id: idSchema,
  processId: processIdSchema,
  data: z.string().default(''),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
  close: z.boolean().default(false).describe('Ends standard input after the data.'),
});
export const processSignalSchema = z.strictObject({
  id: idSchema,
  processId: processIdSchema,
  signal: z.enum(PROCESS_SIGNALS).default('SIGTERM'),
});
export const processWaitSchema = z.strictObject({
  id: idSchema,
  processId: processIdSchema,
  timeout: z
    .number()
    .int()
    .min(0)
    .max(MAX_PROCESS_WAIT_MS)
    .default(30_000)
    .describe('Milliseconds; a process that still runs then is answered with status "running".'),
});

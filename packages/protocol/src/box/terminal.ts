import { z } from 'zod';

export const terminalSizeSchema = z.object({
  cols: z.coerce.number().int().min(2).max(1000).default(80),
  rows: z.coerce.number().int().min(1).max(1000).default(24),
});

export const boxTerminalSchema = z.object({
  id: z.string(),
  cols: z.number().int(),
  rows: z.number().int(),
  viewers: z.number().int(),
  /** Epoch milliseconds. */
  createdAt: z.number(),
  exited: z.boolean(),
});
export type BoxTerminal = z.infer<typeof boxTerminalSchema>;
export const boxTerminalListSchema = z.object({ terminals: z.array(boxTerminalSchema) });

/** Text frames from a viewer. Binary frames are input as it is. */
export const terminalCommandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('input'), data: z.string() }),
  z.object({
    type: z.literal('resize'),
    cols: z.number().int().min(2).max(1000),
    rows: z.number().int().min(1).max(1000),
  }),
]);

/** Text frames to a viewer. Binary frames are output as it is. */
export const terminalEventSchema = z.discriminatedUnion('type', [
  /** First frame; the scrollback follows as output. */
  z.object({ type: z.literal('ready'), terminalId: z.string(), cols: z.number(), rows: z.number() }),
  z.object({ type: z.literal('resize'), cols: z.number(), rows: z.number() }),
  z.object({ type: z.literal('exit'), exitCode: z.number().nullable(), signal: z.number().nullable() }),
]);
export type TerminalEvent = z.infer<typeof terminalEventSchema>;

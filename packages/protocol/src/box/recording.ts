import { z } from 'zod';

/** How a recording is made. */
export const boxRecordingOptionsSchema = z.object({
  /** Chosen by the server; starting the same again changes nothing. */
  recordingId: z.string().regex(/^[a-z0-9]{32}$/),
  /** Most frames per second; frames like the one before are left out. */
  frameRate: z.number().int().min(1).max(30),
  /** Most kilobits per second. */
  bitrateKbps: z.number().int().min(100).max(10_000),
});
export type BoxRecordingOptions = z.infer<typeof boxRecordingOptionsSchema>;

export const boxRecordingSchema = z.object({
  recordingId: z.string().regex(/^[a-z0-9]{32}$/),
  /** `recording`, or `stopped` once its file can be read. */
  state: z.enum(['recording', 'stopped']),
  /** Epoch milliseconds. */
  startedAt: z.number(),
  frameRate: z.number(),
  bitrateKbps: z.number(),
  /** Length of the film, once stopped. */
  durationMs: z.number().nullable(),
  /** Size of the film once stopped, of what there is of it until then. */
  bytes: z.number(),
  /** Why it ended by itself; null where it was stopped. */
  reason: z.string().nullable(),
});
export type BoxRecording = z.infer<typeof boxRecordingSchema>;

export const boxRecordingsSchema = z.object({ recordings: z.array(boxRecordingSchema).max(1000) });
export const boxRecordingIdSchema = boxRecordingOptionsSchema.pick({ recordingId: true });

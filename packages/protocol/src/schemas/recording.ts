import { z } from 'zod';
import { idSchema } from '../ids.ts';

const frameRateSchema = z.number().int().min(1).max(30);
const bitrateSchema = z.number().int().min(100).max(10_000);

/** How a film is made; what is left out has its default. */
export const recordingOptionsSchema = z.strictObject({
  frameRate: frameRateSchema.optional().describe('Most frames per second. Default 10.'),
  bitrateKbps: bitrateSchema.optional().describe('Most kilobits per second. Default 1500.'),
});

export const startRecordingSchema = z.strictObject({ id: idSchema, ...recordingOptionsSchema.shape });
export const stopRecordingSchema = z.strictObject({
  id: idSchema,
  recordingId: idSchema
    .optional()
    .describe('Default: the one that runs, else the last one that was not kept yet.'),
});

export const recordingSchema = z
  .object({
    recordingId: z.string(),
    state: z.enum(['recording', 'stopped']).describe('"stopped": done, and not yet an artifact.'),
    startedAt: z.number().describe('Epoch ms.'),
    frameRate: z.number(),
    bitrateKbps: z.number(),
    durationMs: z.number().nullable().describe('Length of the film, once stopped.'),
    size: z.number().describe('Bytes by now.'),
    reason: z.string().nullable().describe('Why it ended by itself.'),
  })
  .meta({ id: 'Recording' });
export type Recording = z.infer<typeof recordingSchema>;

export const keptRecordingSchema = z.object({
  recordingId: z.string(),
  durationMs: z.number(),
  size: z.number().describe('Bytes.'),
  artifactKey: z.string().describe('The film among the artifacts of the sandbox.'),
});
export type KeptRecording = z.infer<typeof keptRecordingSchema>;
export const recordingListSchema = z.object({ data: z.array(recordingSchema) });

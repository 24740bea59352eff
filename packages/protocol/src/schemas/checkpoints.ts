import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { createSandboxSchema } from './sandbox.ts';
import { pageOf } from './page.ts';

/**
 * `creating`: it is being made. `local`: whole, on the server's disk. `uploading`: it is on its way to the object store.
 * `stored`: it is there. `failed`: there is nothing of it.
 */
export const checkpointStateSchema = z.enum(['creating', 'local', 'uploading', 'stored', 'failed']);
export type CheckpointState = z.infer<typeof checkpointStateSchema>;

/** What of a checkpoint came back: `workspace` alone where the image it was made on is gone from the server. */
export const restoredContentsSchema = z.enum(['all', 'workspace']);

const checkpointMetadataSchema = z.record(z.string().max(64), z.string().max(1024));

export const checkpointSchema = z
  .object({
    id: idSchema,
    sandboxId: idSchema.describe('The sandbox it was made of; that may have ended.'),
    name: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    state: checkpointStateSchema.describe(
      'Restored from "local" on. "stored" ones outlive the disk of the server.',
    ),
    size: z.number().nullable().describe('Bytes of its contents.'),
    storedSize: z.number().nullable().describe('Bytes in the object store, compressed.'),
    sha256: z.string().nullable().describe('SHA-256 of what is in the object store, hex.'),
    createdAt: z.number(),
    storedAt: z.number().nullable(),
    reason: z
      .string()
      .nullable()
      .describe('Why it failed, or why the last upload did, which is tried again.'),
  })
  .meta({ id: 'Checkpoint' });
export type Checkpoint = z.infer<typeof checkpointSchema>;

export const checkpointListSchema = pageOf(checkpointSchema);

export const createCheckpointSchema = z.strictObject({
  id: idSchema,
  name: z.string().min(1).max(200).optional(),
  metadata: checkpointMetadataSchema.optional(),
});

export const forkSchema = z.strictObject({
  id: idSchema,
  checkpointId: idSchema
    .optional()
    .describe('Default: a checkpoint made now. It stays, and counts like any other.'),
  ...createSandboxSchema.pick({
    ephemeral: true,
    env: true,
    network: true,
    metadata: true,
    maxDurationMs: true,
    idleTimeoutMs: true,
  }).shape,
});
export type ForkSandbox = z.infer<typeof forkSchema>;

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  checkpointListSchema,
  checkpointSchema,
  createCheckpointSchema,
  forkSchema,
} from '../schemas/checkpoints.ts';
import { sandboxSessionSchema } from '../schemas/sandbox.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Checkpoints';
const path = '/v1/sandboxes/checkpoints';
const one = z.strictObject({ id: idSchema, checkpointId: idSchema });

export const createCheckpoint = defineRoute({
  id: 'sandboxes.checkpoints.create',
  method: 'POST',
  path,
  tag,
  summary: 'Keep the files of a sandbox as they are now',
  description:
    'Answers when the checkpoint is whole. The sandbox goes on meanwhile; what its programs wrote to files before the request is in it.',
  auth: 'sandbox_sessions:exec',
  idempotency: 'resumes',
  body: createCheckpointSchema,
  reply: { kind: 'json', status: 201, schema: checkpointSchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'CHECKPOINTS_DISABLED',
    'CAPACITY_EXHAUSTED',
    'STORE_UNAVAILABLE',
  ],
});

export const getCheckpoints = defineRoute({
  id: 'sandboxes.checkpoints.get',
  method: 'GET',
  path,
  tag,
  summary: 'Get one checkpoint (with `checkpointId`) or list those of a sandbox, newest first (without)',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    checkpointId: idSchema.optional(),
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([checkpointSchema, checkpointListSchema]) },
  errors: ['SANDBOX_NOT_FOUND', 'CHECKPOINT_NOT_FOUND'],
});

export const deleteCheckpoint = defineRoute({
  id: 'sandboxes.checkpoints.delete',
  method: 'DELETE',
  path,
  tag,
  summary: 'Delete a checkpoint, from the object store too',
  description: 'Sandboxes that were made from it or restored to it keep what they have.',
  auth: 'sandbox_sessions:delete',
  query: one,
  reply: { kind: 'json', status: 200, schema: checkpointSchema },
  errors: ['SANDBOX_NOT_FOUND', 'CHECKPOINT_NOT_FOUND', 'CHECKPOINT_NOT_READY'],
});

export const restoreCheckpoint = defineRoute({
  id: 'sandboxes.checkpoints.restore',
  method: 'POST',
  path: `${path}/restore`,
  tag,
  summary: 'Put a sandbox back to one of its checkpoints',
  description:
    'The processes of the sandbox end; its status is "assigning" until it is "ready" with the files of the checkpoint. Open agent tasks fail with the code SANDBOX_RESTORED. When it cannot be done, the sandbox goes on as it was.',
  auth: 'sandbox_sessions:exec',
  body: one,
  reply: { kind: 'json', status: 200, schema: sandboxSessionSchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'CHECKPOINT_NOT_FOUND',
    'CHECKPOINT_NOT_READY',
    'CHECKPOINT_DAMAGED',
    'RESTORE_FAILED',
    'STORE_UNAVAILABLE',
  ],
});

export const forkSandbox = defineRoute({
  id: 'sandboxes.checkpoints.fork',
  method: 'POST',
  path: `${path}/fork`,
  tag,
  summary: 'Make another sandbox that begins with the files of a checkpoint',
  description:
    'It has the capabilities, the environment and the network of the sandbox it comes from, where the request names no others. Answers like the creation of a sandbox, `Prefer: wait` included.',
  auth: 'sandbox_sessions:create',
  rateLimit: 'sandboxes.create',
  idempotency: 'resumes',
  body: forkSchema,
  reply: { kind: 'json', status: 201, schema: sandboxSessionSchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'CHECKPOINT_NOT_FOUND',
    'CHECKPOINT_NOT_READY',
    'CHECKPOINTS_DISABLED',
    'PLAN_FEATURE_UNAVAILABLE',
    'PLAN_LIMIT_EXCEEDED',
    'CAPACITY_EXHAUSTED',
    'STORE_UNAVAILABLE',
  ],
});

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import { sandboxSessionSchema } from '../schemas/sandbox.ts';

const tag = 'Sandboxes';

export const pauseSandbox = defineRoute({
  id: 'sandboxes.pause',
  method: 'POST',
  path: '/v1/sandboxes/pause',
  tag,
  summary: 'Stop a sandbox where it is, to be resumed later',
  description:
    'Answers when it is "paused": its programs stand still. After a while, which the operator sets, its memory is freed; docs/checkpoints.md says what survives that. Calls under way end with SANDBOX_INTERRUPTED. Pausing a paused sandbox answers it as it is.',
  auth: 'sandbox_sessions:exec',
  body: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: sandboxSessionSchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'NOT_SUPPORTED'],
});

export const resumeSandbox = defineRoute({
  id: 'sandboxes.resume',
  method: 'POST',
  path: '/v1/sandboxes/resume',
  tag,
  summary: 'Let a paused sandbox go on',
  description:
    'Answers when it is "ready". The limits of the plan are held as when a sandbox is created. Its deadline moves by as long as it was paused. Resuming a sandbox that runs answers it as it is.',
  auth: 'sandbox_sessions:exec',
  body: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: sandboxSessionSchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'PLAN_LIMIT_EXCEEDED', 'CAPACITY_EXHAUSTED'],
});

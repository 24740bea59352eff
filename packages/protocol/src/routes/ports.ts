import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  exposePortSchema,
  portPreviewListSchema,
  portPreviewSchema,
  revokePortReplySchema,
} from '../schemas/ports.ts';

const tag = 'Ports';
const path = '/v1/sandboxes/ports';

export const exposePort = defineRoute({
  id: 'sandboxes.ports.expose',
  method: 'POST',
  path,
  tag,
  summary: 'Give a port of the sandbox an address of its own',
  description:
    'HTTP and WebSocket reach the program in the sandbox, also one that listens on its loopback only. Asking again for a port that has a preview changes its end and keeps its address. Requests to a preview count as activity of the sandbox.',
  auth: 'sandbox_sessions:exec',
  body: exposePortSchema,
  reply: { kind: 'json', status: 201, schema: portPreviewSchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'PORT_NOT_ALLOWED', 'CONFLICT'],
});

export const listPorts = defineRoute({
  id: 'sandboxes.ports.list',
  method: 'GET',
  path,
  tag,
  summary: 'List the port previews of a sandbox',
  auth: 'sandbox_sessions:exec',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: portPreviewListSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const revokePort = defineRoute({
  id: 'sandboxes.ports.revoke',
  method: 'DELETE',
  path,
  tag,
  summary: 'Take the address of a port back; open connections end',
  auth: 'sandbox_sessions:exec',
  query: z.strictObject({ id: idSchema, port: z.coerce.number().int().min(1).max(65535) }),
  reply: { kind: 'json', status: 200, schema: revokePortReplySchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

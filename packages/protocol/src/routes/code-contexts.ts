import type { ErrorCode } from '../errors.ts';
import { defineRoute } from '../route.ts';
import {
  contextCommandSchema,
  contextCreateSchema,
  contextDeleteQuerySchema,
  contextDeleteReplySchema,
  contextListQuerySchema,
  contextListReplySchema,
  contextSchema,
} from '../schemas/contexts.ts';

const tag = 'Execution';
const common = ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'SANDBOX_ENDED', 'SANDBOX_UNREACHABLE'] as const;
const errors: ErrorCode[] = [...common, 'CONTEXT_NOT_FOUND', 'SANDBOX_TIMEOUT'];

export const createContext = defineRoute({
  id: 'sandboxes.contexts.create',
  method: 'POST',
  path: '/v1/sandboxes/code/contexts',
  tag,
  summary: 'Keep an interpreter alive, so that variables persist between calls',
  description:
    'Run code in it with the field `context` of POST /v1/sandboxes/code. Python is IPython’s kernel; JavaScript and TypeScript are Node with the semantics of its inspector’s console (top-level await, redeclaration).',
  auth: 'sandbox_sessions:exec',
  body: contextCreateSchema,
  reply: { kind: 'json', status: 200, schema: contextSchema },
  errors: [...common, 'SANDBOX_EXHAUSTED', 'SANDBOX_TIMEOUT'],
});

export const listContexts = defineRoute({
  id: 'sandboxes.contexts.list',
  method: 'GET',
  path: '/v1/sandboxes/code/contexts',
  tag,
  summary: 'The contexts of a sandbox',
  auth: 'sandbox_sessions:read',
  query: contextListQuerySchema,
  reply: { kind: 'json', status: 200, schema: contextListReplySchema },
  errors: [...common],
});

export const deleteContext = defineRoute({
  id: 'sandboxes.contexts.delete',
  method: 'DELETE',
  path: '/v1/sandboxes/code/contexts',
  tag,
  summary: 'End a context; calls in it fail',
  auth: 'sandbox_sessions:exec',
  query: contextDeleteQuerySchema,
  reply: { kind: 'json', status: 200, schema: contextDeleteReplySchema },
  errors,
});

export const interruptContext = defineRoute({
  id: 'sandboxes.contexts.interrupt',
  method: 'POST',
  path: '/v1/sandboxes/code/contexts/interrupt',
  tag,
  summary: 'Interrupt what runs in a context; its variables stay',
  auth: 'sandbox_sessions:exec',
  body: contextCommandSchema,
  reply: { kind: 'json', status: 200, schema: contextSchema },
  errors,
});

export const restartContext = defineRoute({
  id: 'sandboxes.contexts.restart',
  method: 'POST',
  path: '/v1/sandboxes/code/contexts/restart',
  tag,
  summary: 'Start the interpreter of a context anew, without its variables',
  auth: 'sandbox_sessions:exec',
  body: contextCommandSchema,
  reply: { kind: 'json', status: 200, schema: contextSchema },
  errors,
});

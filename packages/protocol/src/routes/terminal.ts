import type { ErrorCode } from '../errors.ts';
import { defineRoute } from '../route.ts';
import {
  terminalCloseQuerySchema,
  terminalCloseReplySchema,
  terminalLinkReplySchema,
  terminalLinkSchema,
  terminalListQuerySchema,
  terminalListReplySchema,
  terminalOpenQuerySchema,
} from '../schemas/terminal.ts';

const tag = 'Terminal';
const errors: ErrorCode[] = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'SANDBOX_ENDED',
  'SANDBOX_UNREACHABLE',
];

export const openTerminal = defineRoute({
  id: 'sandboxes.terminal.open',
  method: 'GET',
  path: '/v1/sandboxes/terminal',
  tag,
  summary: 'A terminal session over a WebSocket',
  description:
    'Needs an API key in the header with `id`, or a `token`. Binary frames are output and input as they are. Text frames are JSON: from the server `ready` (first; the scrollback follows), `resize` and `exit`; from the client `input` ({ data }) and `resize` ({ cols, rows }). A session goes on when its viewers leave.',
  auth: 'sandbox_sessions:exec',
  query: terminalOpenQuerySchema,
  reply: { kind: 'websocket', description: 'binary output and input, JSON control' },
  errors: [...errors, 'TERMINAL_NOT_FOUND', 'SANDBOX_EXHAUSTED', 'LINK_INVALID'],
});

export const linkTerminal = defineRoute({
  id: 'sandboxes.terminal.link',
  method: 'POST',
  path: '/v1/sandboxes/terminal',
  tag,
  summary: 'A signed WebSocket address for a terminal, for browsers',
  auth: 'sandbox_sessions:exec',
  body: terminalLinkSchema,
  reply: { kind: 'json', status: 200, schema: terminalLinkReplySchema },
  errors,
});

export const listTerminals = defineRoute({
  id: 'sandboxes.terminal.list',
  method: 'GET',
  path: '/v1/sandboxes/terminals',
  tag,
  summary: 'The terminal sessions of a sandbox',
  auth: 'sandbox_sessions:read',
  query: terminalListQuerySchema,
  reply: { kind: 'json', status: 200, schema: terminalListReplySchema },
  errors,
});

export const closeTerminal = defineRoute({
  id: 'sandboxes.terminal.close',
  method: 'DELETE',
  path: '/v1/sandboxes/terminals',
  tag,
  summary: 'End a terminal session with all that runs in it',
  auth: 'sandbox_sessions:exec',
  query: terminalCloseQuerySchema,
  reply: { kind: 'json', status: 200, schema: terminalCloseReplySchema },
  errors: [...errors, 'TERMINAL_NOT_FOUND'],
});

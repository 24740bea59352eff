import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { defineRoute } from '../route.ts';
import {
  processListQuerySchema,
  processListReplySchema,
  processOutputQuerySchema,
  processOutputReplySchema,
  processSchema,
  processSignalSchema,
  processStartSchema,
  processStdinSchema,
  processWaitSchema,
} from '../schemas/processes.ts';
import { boxProcessStdinReplySchema, processChunkSchema } from '../box/process.ts';

const tag = 'Processes';
const common = ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'SANDBOX_ENDED', 'SANDBOX_UNREACHABLE'] as const;
const errors: ErrorCode[] = [...common, 'PROCESS_NOT_FOUND', 'SANDBOX_TIMEOUT'];

export const startProcess = defineRoute({
  id: 'sandboxes.processes.start',
  method: 'POST',
  path: '/v1/sandboxes/processes',
  tag,
  summary: 'Start a process that goes on in the background',
  description:
    'It outlives the connection, the server and the daemon of the sandbox. At most 64 run at once; of each stream the sandbox keeps as much as its size says (64 MiB by default).',
  auth: 'sandbox_sessions:exec',
  body: processStartSchema,
  reply: { kind: 'json', status: 200, schema: processSchema },
  errors: [...common, 'SANDBOX_EXHAUSTED', 'SANDBOX_DISK_FULL', 'SANDBOX_TIMEOUT'],
});

export const getProcesses = defineRoute({
  id: 'sandboxes.processes.list',
  method: 'GET',
  path: '/v1/sandboxes/processes',
  tag,
  summary: 'The background processes of a sandbox, or one with `processId`',
  auth: 'sandbox_sessions:read',
  query: processListQuerySchema,
  reply: { kind: 'json', status: 200, schema: processListReplySchema },
  errors,
});

export const processOutput = defineRoute({
  id: 'sandboxes.processes.output',
  method: 'GET',
  path: '/v1/sandboxes/processes/output',
  tag,
  summary: 'Output of a background process from an offset on',
  description:
    'With `Accept: text/event-stream` it is followed to the end: events `stdout` and `stderr` ({ offset, nextOffset, data, encoding }), then `end` (the process). The id of each event, sent back as `Last-Event-ID`, goes on from there.',
  auth: 'sandbox_sessions:read',
  query: processOutputQuerySchema,
  reply: {
    kind: 'json',
    status: 200,
    schema: processOutputReplySchema,
    stream: {
      description: 'the data of `stdout` and `stderr`, then that of `end`.',
      schema: z.union([processChunkSchema, processSchema]),
    },
  },
  errors,
});

export const processStdin = defineRoute({
  id: 'sandboxes.processes.stdin',
  method: 'POST',
  path: '/v1/sandboxes/processes/stdin',
  tag,
  summary: 'Write to the standard input of a background process',
  auth: 'sandbox_sessions:exec',
  body: processStdinSchema,
  reply: { kind: 'json', status: 200, schema: boxProcessStdinReplySchema },
  errors: [...errors, 'CONFLICT'],
});

export const signalProcess = defineRoute({
  id: 'sandboxes.processes.signal',
  method: 'POST',
  path: '/v1/sandboxes/processes/signal',
  tag,
  summary: 'Send a signal to a background process and its group; SIGKILL ends all it started',
  auth: 'sandbox_sessions:exec',
  body: processSignalSchema,
  reply: { kind: 'json', status: 200, schema: processSchema },
  errors,
});

export const waitProcess = defineRoute({
  id: 'sandboxes.processes.wait',
  method: 'POST',
  path: '/v1/sandboxes/processes/wait',
  tag,
  summary: 'Wait for the end of a background process, at most `timeout`',
  auth: 'sandbox_sessions:exec',
  body: processWaitSchema,
  reply: { kind: 'json', status: 200, schema: processSchema },
  errors,
});

import { z } from 'zod';
import { defineRoute } from '../route.ts';
import { fileErrors, fileWriteErrors } from './file-errors.ts';
import {
  codeResultSchema,
  codeSchema,
  execResultSchema,
  execSchema,
  fsListQuerySchema,
  fsListReplySchema,
  fsReadQuerySchema,
  fsReadReplySchema,
  fsWriteReplySchema,
  fsWriteSchema,
  outputTextSchema,
} from '../schemas/work.ts';

export const exec = defineRoute({
  id: 'sandboxes.exec',
  method: 'POST',
  path: '/v1/sandboxes/exec',
  tag: 'Execution',
  summary: 'Run a command and wait for its end',
  description:
    'With `Accept: text/event-stream` the output is sent as it comes: events `stdout` and `stderr` ({ text }), then `result`; `error` (the body of an error) when it breaks off.',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'sandboxes.exec',
  body: execSchema,
  reply: {
    kind: 'json',
    status: 200,
    schema: execResultSchema,
    stream: {
      description: 'the data of `stdout` and `stderr`, then that of `result`.',
      schema: z.union([outputTextSchema, execResultSchema]),
    },
  },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'SANDBOX_ENDED',
    'SANDBOX_EXHAUSTED',
    'SANDBOX_DISK_FULL',
    'SANDBOX_UNREACHABLE',
    'SANDBOX_TIMEOUT',
  ],
});

export const runCode = defineRoute({
  id: 'sandboxes.code',
  method: 'POST',
  path: '/v1/sandboxes/code',
  tag: 'Execution',
  summary: 'Run a snippet of code and wait for its end',
  description:
    'Plain, or in a `context` whose variables persist; then `results` holds values, pictures and tables, and `error` the traceback. With `Accept: text/event-stream` the output is sent as it comes: events `stdout` and `stderr` ({ text }), then `result`; `error` (the body of an error) when it breaks off.',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'sandboxes.code',
  body: codeSchema,
  reply: {
    kind: 'json',
    status: 200,
    schema: codeResultSchema,
    stream: {
      description: 'the data of `stdout` and `stderr`, then that of `result`.',
      schema: z.union([outputTextSchema, codeResultSchema]),
    },
  },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'SANDBOX_ENDED',
    'CONTEXT_NOT_FOUND',
    'SANDBOX_EXHAUSTED',
    'SANDBOX_DISK_FULL',
    'SANDBOX_UNREACHABLE',
    'SANDBOX_TIMEOUT',
  ],
});

export const fsRead = defineRoute({
  id: 'sandboxes.fs.read',
  method: 'GET',
  path: '/v1/sandboxes/fs/read',
  tag: 'Files',
  summary: 'Read a file',
  auth: 'sandbox_sessions:read',
  rateLimit: 'sandboxes.files',
  query: fsReadQuerySchema,
  reply: { kind: 'json', status: 200, schema: fsReadReplySchema },
  errors: [...fileErrors, 'FILE_NOT_FOUND', 'IS_DIRECTORY', 'NOT_A_FILE'],
});

export const fsWrite = defineRoute({
  id: 'sandboxes.fs.write',
  method: 'POST',
  path: '/v1/sandboxes/fs/write',
  tag: 'Files',
  summary: 'Write a file; parent folders are created, an existing file is replaced',
  description: 'As JSON (at most 16 MiB), or as raw bytes with `id` and `path` in the query.',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'sandboxes.files',
  body: fsWriteSchema,
  rawBody: true,
  reply: { kind: 'json', status: 200, schema: fsWriteReplySchema },
  errors: [...fileWriteErrors, 'IS_DIRECTORY', 'NOT_A_FILE', 'PAYLOAD_TOO_LARGE'],
});

export const fsList = defineRoute({
  id: 'sandboxes.fs.list',
  method: 'GET',
  path: '/v1/sandboxes/fs/list',
  tag: 'Files',
  summary: 'List a folder',
  auth: 'sandbox_sessions:read',
  rateLimit: 'sandboxes.files',
  query: fsListQuerySchema,
  reply: { kind: 'json', status: 200, schema: fsListReplySchema },
  errors: [...fileErrors, 'FILE_NOT_FOUND'],
});

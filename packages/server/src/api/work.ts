import { ApiError, codeResultSchema, contract, fsWriteSchema, outputTextSchema } from '@banata/protocol';
import { boxExecResultSchema } from '@banata/protocol/box';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { toStreamError } from '../boxes/stream-error.ts';
import type { EventReply, ExecutionService } from '../services/execution.ts';
import type { FileService } from '../services/files.ts';
import { relayEvents } from './box-sse.ts';
import { isRaw, type ApiContext, type Mount } from './mount.ts';
import { parseInput } from './parse.ts';

const rawQuerySchema = fsWriteSchema.pick({ id: true, path: true });

export function mountWork(
  mount: Mount,
  { execution, files }: { execution: ExecutionService; files: FileService },
): void {
  const { exec, runCode, fsRead, fsWrite, fsList } = contract.work;

  mount.route(exec, async ({ caller, body, signal, context }) =>
    wantsEvents(context)
      ? relayOutput(await execution.execStream(caller, body, signal), boxExecResultSchema)
      : execution.exec(caller, body, signal),
  );

  mount.route(runCode, async ({ caller, body, signal, context }) =>
    wantsEvents(context)
      ? relayOutput(await execution.codeStream(caller, body, signal), codeResultSchema)
      : execution.code(caller, body, signal),
  );

  mount.route(fsRead, async ({ caller, query: { id, path, format }, signal }) => {
    if (format === 'json') return files.read(caller, id, path, signal);
    const { body, headers } = await files.open(caller, id, path, signal);
    return new Response(Readable.toWeb(body) as ReadableStream, {
      headers: {
        'content-type': 'application/octet-stream',
        'x-content-type-options': 'nosniff',
        ...(typeof headers['content-length'] === 'string'
          ? { 'content-length': headers['content-length'] }
          : {}),
      },
    });
  });

  mount.route(fsWrite, async ({ caller, body, context, signal }) => {
    if (!isRaw(fsWrite, context)) {
      const { id, path, content, encoding } = body;
      return files.write(caller, id, { path, content: decode(content, encoding) }, signal);
    }
    const { id, path } = parseInput(rawQuerySchema, context.req.query());
    // Straight from the socket: a web stream in between would halve the throughput.
    return files.write(caller, id, { path, content: context.env.incoming }, signal);
  });

  mount.route(fsList, ({ caller, query: { id, path } }) => files.list(caller, id, path));
}

function relayOutput(source: EventReply, result: z.ZodType): Response {
  const events = { stdout: outputTextSchema, stderr: outputTextSchema, result };
  return relayEvents(source, { events, last: 'result', toError: toStreamError });
}

function wantsEvents(context: ApiContext): boolean {
  return context.req.header('accept')?.includes('text/event-stream') ?? false;
}

function decode(content: string, encoding: 'utf8' | 'base64'): Buffer {
  if (encoding === 'base64' && !/^[A-Za-z0-9+/]*={0,2}$/.test(content)) {
    throw new ApiError(
      'INVALID_REQUEST',
      'Invalid content: not base64. Use the standard alphabet without line breaks.',
    );
  }
  return Buffer.from(content, encoding);
}

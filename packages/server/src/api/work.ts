import { ApiError, contract, fsWriteSchema } from '@banata/protocol';
import { Readable } from 'node:stream';
import type { ExecutionService } from '../services/execution.ts';
import type { FileService } from '../services/files.ts';
import { isRaw, type Mount } from './mount.ts';
import { parseInput } from './parse.ts';

const rawQuerySchema = fsWriteSchema.pick({ id: true, path: true });

export function mountWork(
  mount: Mount,
  { execution, files }: { execution: ExecutionService; files: FileService },
): void {
  const { exec, runCode, fsRead, fsWrite, fsList } = contract.work;

  mount.route(exec, ({ caller, body, signal }) => execution.exec(caller, body, signal));

  mount.route(runCode, ({ caller, body, signal }) => execution.code(caller, body, signal));

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

function decode(content: string, encoding: 'utf8' | 'base64'): Buffer {
  if (encoding === 'base64' && !/^[A-Za-z0-9+/]*={0,2}$/.test(content)) {
    throw new ApiError(
      'INVALID_REQUEST',
      'Invalid content: not base64. Use the standard alphabet without line breaks.',
    );
  }
  return Buffer.from(content, encoding);
}

import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { refuseBody } from '../http/refuse-body.ts';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import { WorkerLostError, WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

/** A worker that neither takes nor gives bytes for this long is given up. */
const STALL_MS = 120_000;
const MAX_REFUSAL_BYTES = 64 * 1024;

export interface FilesService {
  routes: BoxRoute[];
  stop(): Promise<void>;
}

export interface FilesServiceOptions extends WorkerProcessOptions {
  /** Told when a file could not be written for want of room. */
  diskFull: () => void;
}

/**
 * Creates the part that serves files: `GET /files/read`, `GET /files/archive` (with `&format=zip` or `tar.zst`),
 * `PUT /files/write`, `GET /files/list`, `GET /files/stat`
 * and `DELETE /files`, each with `?path=`. A worker with the rights of `user` does it; bytes are passed through.
 */
export function createFilesService(options: FilesServiceOptions): FilesService {
  const worker = new WorkerProcess(options);
  const handle = async (request: BoxRequest): Promise<undefined> => {
    await worker.with((socket) => forward(request, socket));
    if (request.response.statusCode === 507) options.diskFull();
    return undefined;
  };
  return {
    routes: [
      { method: 'GET', path: '/files/read', handle },
      { method: 'GET', path: '/files/archive', handle },
      { method: 'PUT', path: '/files/write', handle },
      { method: 'GET', path: '/files/list', handle },
      { method: 'GET', path: '/files/stat', handle },
      { method: 'DELETE', path: '/files', handle },
    ],
    stop: () => worker.stop(),
  };
}

async function forward(request: BoxRequest, socket: Socket): Promise<void> {
  const progress = { begun: false };
  try {
    await exchange(request, socket, progress);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ECONNRESET' && code !== 'EPIPE') throw error;
    // Of the caller's own connection the signal tells; then there is nobody to answer.
    request.signal.throwIfAborted();
    if (!progress.begun) throw new WorkerLostError('The file worker ended', { cause: error });
    throw new BoxError(503, 'FILES_INTERRUPTED', 'The file operation was interrupted; try again', {
      cause: error,
    });
  }
}

async function exchange(request: BoxRequest, socket: Socket, progress: { begun: boolean }): Promise<void> {
  const { raw, response, url, signal } = request;
  const outgoing = httpRequest({
    createConnection: () => socket,
    method: raw.method,
    path: url.pathname + url.search,
    // The worker says that it begins, and only then does it get the body: till then all can be done again.
    headers: { ...bodyHeaders(raw), connection: 'close', expect: '100-continue' },
    signal,
    timeout: STALL_MS,
  });
  outgoing.once('timeout', () => {
    outgoing.destroy(new BoxError(504, 'FILES_STALLED', 'The file operation made no progress; try again'));
  });
  const begun = new Promise<void>((resolve) => outgoing.once('continue', resolve));
  const reply = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    // Stays for the whole exchange: a late error must not be an uncaught one.
    outgoing.on('error', reject);
  });
  outgoing.flushHeaders();
  await Promise.race([begun, reply]);
  progress.begun = true;
  // Not `pipeline`: that would end the caller's connection with the worker's. The signal ends both.
  if (raw.method === 'PUT') raw.pipe(outgoing);
  else outgoing.end();
  const incoming = await reply;
  const status = incoming.statusCode ?? 502;
  if (raw.method === 'PUT' && !raw.complete) {
    raw.unpipe(outgoing);
    refuseBody(raw, response, status, await readAll(incoming));
    return;
  }
  response.statusCode = status;
  for (const name of ['content-type', 'content-length', 'trailer']) {
    const value = incoming.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  await pipeline(incoming, response, { end: false });
  response.addTrailers(incoming.trailers);
  response.end();
}

/** Body of a refusal, which is short. */
async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REFUSAL_BYTES)
      throw new BoxError(502, 'FILES_FAILED', 'The file worker answered too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function bodyHeaders({ headers }: IncomingMessage): Record<string, string> {
  const names = ['content-length', 'transfer-encoding'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

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
  /** Called first: makes the workspace anew where it is gone, which the worker may not. */
  keepWorkspace: () => Promise<void>;
}

/** Methods and paths of the worker; each takes `?path=`. */
const ROUTES: readonly Pick<BoxRoute, 'method' | 'path'>[] = [
  ...['read', 'head', 'list', 'stat', 'glob', 'grep', 'watch', 'download', 'archive'].map((name) => ({
    method: 'GET' as const,
    path: `/files/${name}`,
  })),
  { method: 'PUT', path: '/files/write' },
  ...['mkdir', 'move', 'chmod', 'upload'].map((name) => ({
    method: 'POST' as const,
    path: `/files/${name}`,
  })),
  { method: 'DELETE', path: '/files' },
];

/** Headers of the caller that the worker goes by. */
const REQUEST_HEADERS = [
  'content-length',
  'transfer-encoding',
  'range',
  'if-range',
  'if-none-match',
] as const;
const REPLY_HEADERS = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
  'cache-control',
  'trailer',
];

/** Creates the part that serves files. A worker with the rights of `user` does it; bytes are passed through. */
export function createFilesService(options: FilesServiceOptions): FilesService {
  const worker = new WorkerProcess(options);
  const handle = async (request: BoxRequest): Promise<undefined> => {
    await options.keepWorkspace();
    await worker.with((socket) => forward(request, socket));
    if (request.response.statusCode === 507) options.diskFull();
    return undefined;
  };
  return {
    routes: ROUTES.map((route) => ({ ...route, handle })),
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
    headers: { ...passedHeaders(raw), connection: 'close', expect: '100-continue' },
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
  const hasBody = raw.method === 'PUT' || raw.method === 'POST';
  if (hasBody) raw.pipe(outgoing);
  else outgoing.end();
  const incoming = await reply;
  const status = incoming.statusCode ?? 502;
  if (hasBody && !raw.complete) {
    raw.unpipe(outgoing);
    refuseBody(raw, response, status, await readAll(incoming));
    return;
  }
  response.statusCode = status;
  for (const name of REPLY_HEADERS) {
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

function passedHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    REQUEST_HEADERS.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

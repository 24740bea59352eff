import { request as httpRequest, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import { WorkerProcess, type Worker, type WorkerProcessOptions } from './worker-process.ts';

/** A worker that neither takes nor gives bytes for this long is given up. */
const STALL_MS = 120_000;

export interface FilesService {
  routes: BoxRoute[];
  stop(): Promise<void>;
}

/**
 * Creates the part that serves files: `GET /files/read`, `PUT /files/write`, `GET /files/list`, `GET /files/stat`
 * and `DELETE /files`, each with `?path=`. A worker with the rights of `user` does it; bytes are passed through.
 */
export function createFilesService(options: WorkerProcessOptions): FilesService {
  const worker = new WorkerProcess(options);
  const handle = async (request: BoxRequest): Promise<undefined> => {
    await worker.with((current) => forward(request, current));
    return undefined;
  };
  return {
    routes: [
      { method: 'GET', path: '/files/read', handle },
      { method: 'PUT', path: '/files/write', handle },
      { method: 'GET', path: '/files/list', handle },
      { method: 'GET', path: '/files/stat', handle },
      { method: 'DELETE', path: '/files', handle },
    ],
    stop: () => worker.stop(),
  };
}

async function forward(request: BoxRequest, { socketPath, agent }: Worker): Promise<void> {
  const { raw, response, url, signal } = request;
  const outgoing = httpRequest({
    socketPath,
    agent,
    method: raw.method,
    path: url.pathname + url.search,
    headers: bodyHeaders(raw),
    signal,
    timeout: STALL_MS,
  });
  outgoing.once('timeout', () => {
    outgoing.destroy(new BoxError(504, 'FILES_STALLED', 'The file operation made no progress; try again'));
  });
  const reply = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    // Stays for the whole exchange: a late error must not be an uncaught one.
    outgoing.on('error', reject);
  });
  // The worker may answer before it has read the body; the rest of the body is of no interest then, and how
  // sending it ended neither.
  const sent = pipeline(raw, outgoing);
  const incoming = await Promise.race([reply, sent.then(() => reply)]);
  sent.catch(() => undefined);
  response.statusCode = incoming.statusCode ?? 502;
  for (const name of ['content-type', 'content-length']) {
    const value = incoming.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  if (!raw.complete) response.setHeader('connection', 'close');
  await pipeline(incoming, response);
}

function bodyHeaders({ headers }: IncomingMessage): Record<string, string> {
  const names = ['content-length', 'transfer-encoding'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

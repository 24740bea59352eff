import { ApiError } from '@banata/protocol';
import type { BoxEndpoint } from '@banata/drivers';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const HANDSHAKE_TIMEOUT_MS = 20_000;
/** How long a client may take to answer a close. */
const CLOSE_MS = 1_000;
/** Codes of a WebSocket's close. */
const GOING_AWAY = 1001;
const SERVICE_RESTART = 1012;

/** Headers of the handshake that the client and the box agree on; nothing else passes. */
const FORWARDED = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
];
const RETURNED = ['sec-websocket-accept', 'sec-websocket-protocol', 'sec-websocket-extensions'];

export interface TunnelOptions {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  endpoint: BoxEndpoint;
  path: string;
  /** Ends the tunnel when it aborts. */
  signal?: AbortSignal | undefined;
  /** Turns a refusal of the box into the error the client gets. */
  toError?: (status: number) => ApiError;
  /** Sees what the client sends, in the pieces it arrives in. */
  onClientData: (chunk: Buffer) => void;
}

/**
 * Joins a client's WebSocket with one of the box, byte by byte. The handshake is parsed and rebuilt on the way back,
 * so that a box cannot send the client anything but a WebSocket.
 * @returns when either side has closed.
 * @throws {ApiError} when the box refuses the handshake; the client's socket is then untouched.
 */
export async function openTunnel({
  request,
  socket,
  head,
  endpoint,
  path,
  onClientData,
  signal,
  toError = browserError,
}: TunnelOptions): Promise<void> {
  const { reply, upstream, upstreamHead } = await handshake(request, endpoint, { path, toError });
  const headers = pick(reply.headers, RETURNED).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n${headers.join('')}\r\n`,
  );
  if (upstreamHead.length > 0) socket.write(upstreamHead);
  if (head.length > 0) upstream.write(head);
  socket.on('data', onClientData);
  await join(socket, upstream, signal);
}

async function handshake(
  request: IncomingMessage,
  endpoint: BoxEndpoint,
  { path, toError }: { path: string; toError: (status: number) => ApiError },
): Promise<{ reply: IncomingMessage; upstream: Duplex; upstreamHead: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    reply: IncomingMessage;
    upstream: Duplex;
    upstreamHead: Buffer;
  }>();
  const outgoing = httpRequest({
    host: endpoint.host,
    port: endpoint.port,
    path,
    agent: false,
    timeout: HANDSHAKE_TIMEOUT_MS,
    headers: {
      ...Object.fromEntries(pick(request.headers, FORWARDED)),
      authorization: `Bearer ${endpoint.token}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
    },
  });
  outgoing.on('upgrade', (reply, upstream, upstreamHead) => {
    upstream.on('error', () => upstream.destroy());
    upstream.setTimeout(0);
    upstream.setNoDelay(true);
    resolve({ reply, upstream, upstreamHead });
  });
  outgoing.on('response', (reply) => {
    reply.destroy();
    reject(toError(reply.statusCode ?? 0));
  });
  outgoing.on('timeout', () => outgoing.destroy(new ApiError('SANDBOX_TIMEOUT')));
  outgoing.on('error', (error) =>
    reject(
      error instanceof ApiError ? error : new ApiError('SANDBOX_UNREACHABLE', undefined, { cause: error }),
    ),
  );
  outgoing.end();
  return promise;
}

/** What a client is told when the box refuses to join it with the browser. */
export function browserError(status: number): ApiError {
  return new ApiError(status === 409 || status === 503 ? 'BROWSER_NOT_READY' : 'SANDBOX_UNREACHABLE');
}

/** A WebSocket close (RFC 6455, 5.5.1) that says why the sandbox is gone, or will be back. */
function closeFrame(reason: unknown): Buffer {
  const error = reason instanceof ApiError ? reason : new ApiError('SANDBOX_ENDED');
  const text = Buffer.from(`${error.code}: ${error.message}`).subarray(0, 123);
  const frame = Buffer.alloc(4);
  frame.writeUInt8(0x88, 0);
  frame.writeUInt8(text.length + 2, 1);
  frame.writeUInt16BE(error.code === 'SANDBOX_INTERRUPTED' ? SERVICE_RESTART : GOING_AWAY, 2);
  return Buffer.concat([frame, text]);
}

/** Pipes both ways; the end of one side ends the other. */
async function join(client: Duplex, box: Duplex, signal: AbortSignal | undefined): Promise<void> {
  const closed = Promise.race([closing(client), closing(box)]);
  const destroy = (): void => {
    client.end(closeFrame(signal?.reason));
    box.destroy();
  };
  signal?.addEventListener('abort', destroy, { once: true });
  if (signal?.aborted) destroy();
  client.pipe(box);
  box.pipe(client);
  await closed;
  // What was said last gets out.
  if (client.writableEnded && !client.destroyed) await Promise.race([closing(client), sleep(CLOSE_MS)]);
  signal?.removeEventListener('abort', destroy);
  client.destroy();
  box.destroy();
}

function closing(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', resolve);
  });
}

/** The named headers that are there once and are harmless to write into a header block. */
function pick(headers: IncomingMessage['headers'], names: string[]): [string, string][] {
  return names.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)
      ? [[name, value] as [string, string]]
      : [];
  });
}

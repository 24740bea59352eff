import { ApiError } from '@banata/protocol';
import type { BoxEndpoint } from '@banata/drivers';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { BoxCall } from './box-client.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** The daemon gives a transfer up on which nothing moves for two minutes; this is for one that does not even do that. */
const STALL_MS = 150_000;
/** More than a socket usually has at a time, so that reading takes few steps. */
const READ_BYTES = 256 * 1024;

/** A call whose body, in either direction, may be of any length. */
export type TransferCall = Omit<BoxCall, 'json' | 'body'> & { body?: IncomingMessage };

/**
 * Sends a request to the daemon of a box and resolves with its reply, whatever its status, as it begins to come. By
 * Node's own client on a connection of its own: per byte it takes a third of the CPU time of the client for calls.
 * Rejects with an {@link ApiError} or with the reason of the signal.
 */
export async function openTransfer(endpoint: BoxEndpoint, call: TransferCall): Promise<IncomingMessage> {
  call.signal?.throwIfAborted();
  const query = call.query ? `?${new URLSearchParams(call.query).toString()}` : '';
  const outgoing = request({
    createConnection: () => connectTo(endpoint),
    host: endpoint.host,
    port: endpoint.port,
    method: call.method,
    path: call.path + query,
    headers: { ...call.headers, authorization: `Bearer ${endpoint.token}`, connection: 'close' },
    ...(call.signal ? { signal: call.signal } : {}),
  });
  const reply = awaitReply(outgoing, call);
  if (call.body) {
    const { body } = call;
    // Not `pipeline`: a box that answers early must not take the caller's connection with it.
    body.pipe(outgoing);
    body.once('close', () => {
      if (!body.readableEnded) outgoing.destroy();
    });
    reply.finally(() => body.unpipe(outgoing)).catch(() => undefined);
  } else outgoing.end();
  return await reply;
}

/**
 * A connection that reads into one buffer all its life. Node otherwise allots 64 KiB for each piece that comes, beside
 * the copy that its HTTP parser makes, and V8 answers both with garbage collections of the whole heap.
 */
function connectTo({ host, port }: BoxEndpoint): Socket {
  const socket: Socket = connect({
    host,
    port,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes, buffer) => {
        // Such a connection has no event of its own for it, and Node's HTTP client listens to that one.
        socket.emit('data', Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
        return true;
      },
    },
  });
  return socket;
}

function awaitReply(outgoing: ClientRequest, { timeoutMs, signal }: TransferCall): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const connecting = setTimeout(
    () => outgoing.destroy(new ApiError('SANDBOX_UNREACHABLE')),
    CONNECT_TIMEOUT_MS,
  );
  const head =
    timeoutMs === 0
      ? undefined
      : setTimeout(() => outgoing.destroy(new ApiError('SANDBOX_TIMEOUT')), timeoutMs);
  outgoing.once('socket', (socket) => {
    socket.once('connect', () => clearTimeout(connecting));
    socket.setTimeout(STALL_MS, () => outgoing.destroy(new ApiError('SANDBOX_TIMEOUT')));
  });
  const settle = (): void => {
    clearTimeout(connecting);
    clearTimeout(head);
  };
  outgoing.once('response', (incoming) => {
    settle();
    resolve(incoming);
  });
  outgoing.once('close', () => {
    settle();
    reject(new ApiError('SANDBOX_UNREACHABLE'));
  });
  // Stays: a late error must not be an uncaught one.
  outgoing.on('error', (cause) => {
    settle();
    reject(toError(cause, signal));
  });
  return promise;
}

function toError(cause: Error, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) {
    const { reason } = signal as { reason: unknown };
    return reason instanceof ApiError ? reason : new DOMException('The call was aborted.', 'AbortError');
  }
  return cause instanceof ApiError ? cause : new ApiError('SANDBOX_UNREACHABLE', undefined, { cause });
}

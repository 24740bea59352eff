import { ApiError } from '@banata/protocol';
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Admission } from './authorize.ts';
import { headerPairs, replyHeaders, requestHeaders, type Passage } from './headers.ts';

/** A program may think about an answer this long. */
const REPLY_TIMEOUT_MS = 5 * 60_000;
/** A connection on which nothing moves at all is given up. */
const IDLE_TIMEOUT_MS = 30 * 60_000;
const MAX_BODY_BYTES = 4 * 1024 ** 3;

interface Forwarding {
  request: IncomingMessage;
  /** Connection to the program in the sandbox; destroyed by the caller. */
  tunnel: Socket;
  path: string;
  passage: Passage;
  admission: Admission;
}

/** Passes a request on and its reply back. Resolves when the reply is through. */
export async function forward(call: Forwarding & { response: ServerResponse }): Promise<void> {
  const { request, response, passage, admission } = call;
  const framing = request.headers['transfer-encoding'] === undefined ? [] : ['transfer-encoding', 'chunked'];
  const outgoing = send(call, framing);
  // A program that answers without reading the body is right to do so; the reply tells what happened.
  pipeline(request, bounded, outgoing).catch((error: Error) => outgoing.destroy(error));
  response.once('close', () => outgoing.destroy());
  const reply = await replyTo(outgoing);
  const headers = replyHeaders(reply.rawHeaders, passage);
  if (admission.cookie !== undefined) headers.push('set-cookie', admission.cookie);
  response.writeHead(reply.statusCode ?? 502, headers);
  await pipeline(reply, response);
}

/** Passes a WebSocket handshake on; resolves when either side of the WebSocket has closed. */
export async function forwardUpgrade(
  call: Forwarding & { socket: Duplex; head: Buffer; onClientData: () => void },
): Promise<void> {
  const { socket, head, tunnel, passage, onClientData } = call;
  const outgoing = send(call, ['connection', 'Upgrade', 'upgrade', 'websocket']);
  const switched = new Promise<{ reply: IncomingMessage; rest: Buffer } | undefined>((resolve, reject) => {
    outgoing.once('upgrade', (reply, _tunnel, rest) => resolve({ reply, rest }));
    replyTo(outgoing).then((reply) => {
      // Not a WebSocket: the status is all that a WebSocket client can be told.
      socket.end(
        `HTTP/1.1 ${reply.statusCode ?? 502} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
      );
      resolve(undefined);
    }, reject);
  });
  outgoing.end();
  const joined = await switched;
  if (!joined) return;
  const headers = headerPairs(replyHeaders(joined.reply.rawHeaders, passage))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${headers}\r\n`,
  );
  if (joined.rest.length > 0) socket.write(joined.rest);
  if (head.length > 0) tunnel.write(head);
  socket.on('data', onClientData);
  const closed = Promise.race([closing(socket), closing(tunnel)]);
  socket.pipe(tunnel);
  tunnel.pipe(socket);
  await closed;
  socket.destroy();
}

function send({ request, tunnel, path, passage }: Forwarding, further: string[]): ClientRequest {
  tunnel.setTimeout(IDLE_TIMEOUT_MS, () => tunnel.destroy());
  return httpRequest({
    createConnection: () => tunnel,
    method: request.method ?? 'GET',
    path,
    headers: [...requestHeaders(request.rawHeaders, passage), ...further],
  });
}

function replyTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        outgoing.destroy(
          new ApiError('SANDBOX_TIMEOUT', 'The program in the sandbox did not answer in time.'),
        ),
      REPLY_TIMEOUT_MS,
    );
    outgoing.once('close', () => {
      clearTimeout(timer);
      reject(new ApiError('PORT_NOT_LISTENING', 'The program in the sandbox closed the connection.'));
    });
    outgoing.once('upgrade', () => clearTimeout(timer));
    outgoing.once('response', (reply) => {
      clearTimeout(timer);
      resolve(reply);
    });
    outgoing.on('error', (cause) => {
      clearTimeout(timer);
      reject(
        cause instanceof ApiError
          ? cause
          : new ApiError('PORT_NOT_LISTENING', 'The program in the sandbox sent no proper HTTP answer.', {
              cause,
            }),
      );
    });
  });
}

async function* bounded(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new ApiError(
        'PAYLOAD_TOO_LARGE',
        `The body is longer than ${MAX_BODY_BYTES} bytes, the most a preview takes.`,
      );
    yield chunk;
  }
}

function closing(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
}

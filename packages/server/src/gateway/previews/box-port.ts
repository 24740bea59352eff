import { ApiError } from '@banata/protocol';
import { boxErrorSchema } from '@banata/protocol/box';
import type { BoxEndpoint } from '@banata/drivers';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const HANDSHAKE_TIMEOUT_MS = 15_000;
const MAX_REFUSAL_BYTES = 16 * 1024;

/**
 * One connection to a port of a box, through its daemon: so that programs that listen on the box's loopback are
 * reached, and the way into a box stays one port.
 * @throws {ApiError} PORT_NOT_LISTENING, PORT_NOT_ALLOWED, SANDBOX_UNREACHABLE.
 */
export function connectBoxPort(endpoint: BoxEndpoint, port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const outgoing = httpRequest({
    host: endpoint.host,
    port: endpoint.port,
    path: `/ports/tunnel?port=${port}`,
    agent: false,
    headers: {
      authorization: `Bearer ${endpoint.token}`,
      connection: 'Upgrade',
      upgrade: 'banata-tcp',
    },
  });
  const timer = setTimeout(() => outgoing.destroy(new ApiError('SANDBOX_TIMEOUT')), HANDSHAKE_TIMEOUT_MS);
  const settle = (): void => clearTimeout(timer);
  outgoing.on('upgrade', (_reply, socket, head) => {
    settle();
    socket.on('error', () => socket.destroy());
    socket.setTimeout(0);
    socket.setNoDelay(true);
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  outgoing.on('response', (reply) => {
    refusal(reply)
      .then(reject, reject)
      .finally(() => {
        settle();
        reply.destroy();
      });
  });
  outgoing.on('error', (cause) => {
    settle();
    reject(cause instanceof ApiError ? cause : new ApiError('SANDBOX_UNREACHABLE', undefined, { cause }));
  });
  outgoing.end();
  return promise;
}

async function refusal(reply: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const chunk of reply.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_REFUSAL_BYTES) break;
  }
  const code = readCode(text);
  if (code === 'PORT_NOT_LISTENING' || code === 'PORT_NOT_ALLOWED') return new ApiError(code);
  if (code === 'ROUTE_NOT_FOUND') {
    return new ApiError(
      'NOT_SUPPORTED',
      'This sandbox was made by an older version that has no port previews. Create a new one.',
    );
  }
  return new ApiError('SANDBOX_UNREACHABLE');
}

function readCode(text: string): string | undefined {
  try {
    return boxErrorSchema.safeParse(JSON.parse(text)).data?.code;
  } catch {
    return undefined;
  }
}

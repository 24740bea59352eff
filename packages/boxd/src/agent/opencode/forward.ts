import { AGENT_STATUS_HEADER } from '@banata/protocol/box';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { BoxError } from '../../http/route.ts';
import type { OpenCodeClient } from './client.ts';

/** The agent answers the head of a reply within this time; a prompt that waits for its model is no such call. */
const HEAD_TIMEOUT_MS = 60_000;
const FORWARDED_HEADERS = ['content-type', 'content-length', 'accept', 'x-opencode-ticket'];
const HANDSHAKE_HEADERS = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol'];

/**
 * Passes a call on to the agent server as it is and streams the reply. The reply's own status is in a header, so that
 * an error of the agent is told from one of the daemon.
 * @param target path and query at the agent server, such as `/session?limit=10`.
 */
export async function forwardToAgent(
  client: OpenCodeClient,
  target: string,
  { request, response, signal }: { request: IncomingMessage; response: ServerResponse; signal: AbortSignal },
): Promise<void> {
  const { url, authorization } = client.locate(target);
  const outgoing = httpRequest(url, {
    method: request.method,
    agent: false,
    signal,
    headers: { authorization, ...pick(request, FORWARDED_HEADERS) },
  });
  outgoing.setTimeout(HEAD_TIMEOUT_MS, () => outgoing.destroy(new Error('the agent did not answer in time')));
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  // An agent that answers without reading the body is right to do so; `head` has its answer.
  pipeline(request, outgoing).catch(() => undefined);
  const reply = await head.catch((cause: unknown) => {
    throw unavailable(cause);
  });
  outgoing.setTimeout(0);
  response.writeHead(200, {
    'content-type': reply.headers['content-type'] ?? 'application/octet-stream',
    [AGENT_STATUS_HEADER]: String(reply.statusCode ?? 502),
  });
  response.flushHeaders();
  // Either side may go away in the middle of an event stream: that is its usual end.
  await pipeline(reply, response).catch(() => response.destroy());
}

/** Joins a WebSocket with one of the agent server; owns the socket. */
export function joinAgentSocket(
  client: OpenCodeClient,
  target: string,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): void {
  const { url, authorization } = client.locate(target);
  const outgoing = httpRequest(url, {
    agent: false,
    timeout: HEAD_TIMEOUT_MS,
    headers: {
      authorization,
      ...pick(request, HANDSHAKE_HEADERS),
      connection: 'Upgrade',
      upgrade: 'websocket',
    },
  });
  socket.once('close', () => outgoing.destroy());
  outgoing.on('timeout', () => outgoing.destroy());
  outgoing.on('error', () => socket.destroy());
  outgoing.on('response', (reply) => {
    reply.destroy();
    socket.end(
      `HTTP/1.1 ${reply.statusCode ?? 502} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
    );
  });
  outgoing.on('upgrade', (reply, agent, agentHead) => {
    agent.on('error', () => socket.destroy());
    agent.setTimeout(0);
    const accept = Object.entries(pick(reply, ['sec-websocket-accept', 'sec-websocket-protocol']));
    const headers = accept.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n${headers}\r\n`,
    );
    if (agentHead.length > 0) socket.write(agentHead);
    if (head.length > 0) agent.write(head);
    agent.once('close', () => socket.destroy());
    socket.once('close', () => agent.destroy());
    socket.pipe(agent);
    agent.pipe(socket);
  });
  outgoing.end();
}

function pick({ headers }: IncomingMessage, names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

function unavailable(cause: unknown): BoxError {
  return new BoxError(503, 'AGENT_UNAVAILABLE', 'the agent does not answer now; try again in a few seconds', {
    cause,
  });
}

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { WebSocket, type ClientOptions } from 'ws';

/** A reply of a preview. */
export interface PreviewReply {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/**
 * Asks a preview as a browser would that resolves every name below localhost to this machine, which Node's resolver
 * does not do.
 */
export async function askPreview(
  url: string,
  options: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<PreviewReply> {
  const { host, port, pathname, search } = new URL(url);
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port,
    path: pathname + search,
    method: options.method ?? 'GET',
    headers: { host, ...options.headers },
    agent: false,
    timeout: 20_000,
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 20 s')));
  outgoing.end(options.body);
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of reply.setEncoding('utf8')) body += String(chunk);
  return { status: reply.statusCode ?? 0, headers: reply.headers, body };
}

/** Opens a WebSocket of a preview; rejects when the handshake is refused. */
export async function openPreviewSocket(url: string, options: ClientOptions = {}): Promise<WebSocket> {
  const { host, port, pathname, search } = new URL(url);
  const socket = new WebSocket(`ws://127.0.0.1:${port}${pathname}${search}`, {
    ...options,
    headers: { host, ...options.headers },
  });
  await once(socket, 'open');
  return socket;
}

import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * For how long the rest of a refused body is read and thrown away. A caller that reads the reply closes the connection
 * then; this is for one that shares a busy machine and sends on before it looks.
 */
const DRAIN_MS = 10_000;

/**
 * Answers with JSON while the caller still sends its body, and closes the connection. Not at once: a socket that is
 * closed with bytes unread is reset, and the caller would lose the reply.
 */
export function refuseBody(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  json: Buffer,
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': json.length,
    connection: 'close',
  });
  response.write(json);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, DRAIN_MS);
  request.once('close', end).once('end', end).resume();
}

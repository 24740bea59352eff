import { ApiError } from '@banata/protocol';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../logger.ts';
import { toApiError } from '../services/failures.ts';

/** Answers a request for a WebSocket with an error, unless its socket is gone. */
export function refuseUpgrade(socket: Duplex, error: unknown, logger: Logger): void {
  if (socket.destroyed) return;
  if (!(error instanceof ApiError))
    logger.error({ event: 'upgrade.error', err: error }, 'unexpected error on upgrade');
  const known = toApiError(error);
  const body = JSON.stringify(known.toBody());
  socket.end(
    `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status] ?? 'Error'}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

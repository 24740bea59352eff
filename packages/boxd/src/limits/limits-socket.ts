import type { BoxUsage } from '@banata/protocol/box';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { BoxLogger } from '../services.ts';

const TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 16;

export interface LimitsSocketOptions {
  path: string;
  read: () => Promise<BoxUsage>;
  logger: BoxLogger;
}

/** Small HTTP server on a unix socket for `banata-limits`: `GET /limits`, for every account of the box. */
export class LimitsSocket {
  readonly #options: LimitsSocketOptions;
  readonly #server: Server;

  constructor(options: LimitsSocketOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      request.resume();
      if (request.method !== 'GET' || request.url !== '/limits') {
        send(response, 404, { error: 'only GET /limits is offered' });
        return;
      }
      options.read().then(
        (usage) => send(response, 200, usage),
        (error: unknown) => {
          options.logger.error('limits.read_failed', { error });
          send(response, 500, { error: 'the limits could not be read; try again' });
        },
      );
    });
    this.#server.requestTimeout = TIMEOUT_MS;
    this.#server.headersTimeout = TIMEOUT_MS;
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  async open(): Promise<void> {
    const { path } = this.#options;
    // Left behind by a daemon that was killed.
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
    });
    chmodSync(path, 0o666);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': text.length,
    connection: 'close',
  });
  response.end(text);
}

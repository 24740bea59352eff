import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface AgentEndpointHandlers {
  /** Body of `/json/version` for this WebSocket URL, or of `/json/list`. Rejects with what to tell the caller. */
  version(webSocketUrl: string): Promise<object>;
  list(webSocketUrl: string): Promise<object>;
  connect(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/**
 * A listener on loopback for the agent's browser tools, with the addresses of Chromium's own debugging port under
 * a secret path. Playwright's `connectOverCDP(http://…/SECRET)` asks for `/SECRET/json/version/`, puppeteer's
 * `browserURL` cannot hold a path.
 */
export class AgentEndpoint {
  readonly #server: Server;
  readonly #secret = randomBytes(24).toString('base64url');
  readonly #handlers: AgentEndpointHandlers;
  readonly #upgraded = new Set<Duplex>();

  constructor(handlers: AgentEndpointHandlers) {
    this.#handlers = handlers;
    this.#server = createServer({ requestTimeout: 15_000 }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
      const path = this.#path(request);
      if (path === '/cdp') this.#handlers.connect(request, socket, head);
      else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    });
  }

  /** Starts to listen on a free port of 127.0.0.1. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => resolve());
    });
  }

  /** Base URL with the secret; undefined until it listens. */
  get url(): string | undefined {
    const address = this.#server.address() as AddressInfo | null;
    return address ? `http://127.0.0.1:${address.port}/${this.#secret}` : undefined;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    // The server waits for these too, and does not close them itself.
    for (const socket of this.#upgraded) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const path = this.#path(request)?.replace(/\/$/, '');
    const webSocketUrl = `${this.url?.replace('http:', 'ws:')}/cdp`;
    try {
      if (path === '/json/version') send(200, await this.#handlers.version(webSocketUrl));
      else if (path === '/json/list' || path === '/json') send(200, await this.#handlers.list(webSocketUrl));
      else send(404, { error: 'Not found', code: 'NOT_FOUND' });
    } catch (error) {
      send(503, { error: error instanceof Error ? error.message : String(error), code: 'BROWSER_NOT_READY' });
    }
  }

  /** The path behind the secret; undefined without it, and for pages: a browser always names their origin. */
  #path(request: IncomingMessage): string | undefined {
    if (request.headers.origin !== undefined) return undefined;
    const [path = ''] = (request.url ?? '').split('?');
    const [, secret = '', ...rest] = path.split('/');
    const given = Buffer.from(secret);
    const wanted = Buffer.from(this.#secret);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
    return `/${rest.join('/')}`;
  }
}

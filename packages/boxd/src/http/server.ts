import { JOURNAL_HEADER } from '@banata/protocol/box';
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BoxLogger } from '../services.ts';
import { readJson } from './body.ts';
import { refuseBody } from './refuse-body.ts';
import { BoxError, type BoxRequest } from './route.ts';
import type { Router } from './router.ts';
import { createTokenCheck } from './token.ts';

/** A body must have arrived within this time; long enough for large files over slow lines. */
const REQUEST_TIMEOUT_MS = 60 * 60_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** Longer than the server keeps its idle connections, so that it never writes into one that we just closed. */
const KEEP_ALIVE_MS = 5 * 60_000;
const MAX_CONNECTIONS = 1024;

export interface HttpServerOptions {
  token: string;
  router: Router;
  /** Cursor of the newest entry of the journal; 0 before the first. Replies tell it. */
  journalCursor: () => number;
  logger: BoxLogger;
}

/** The daemon's HTTP server: token, routing, error replies and WebSocket upgrades in one place. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #authorized: (request: IncomingMessage) => boolean;
  readonly #active = new Set<AbortController>();
  readonly #upgraded = new Set<Duplex>();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#authorized = createTokenCheck(options.token);
    this.#server = createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      noDelay: true,
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('request', (request, response) => void this.#handle(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  /**
   * Resolves with the port once it takes connections.
   * @param host default: all addresses. Naming them instead has Node look the name up first, which takes 2 ms.
   */
  async listen(port: number, host?: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host !== undefined && { host }), backlog: 511 }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections, aborts what is under way and closes the rest after `graceMs`. */
  async close(graceMs = 1000): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const reason = new BoxError(503, 'STOPPING', 'The daemon of this box stops');
    for (const controller of this.#active) controller.abort(reason);
    this.#server.closeIdleConnections();
    for (const socket of this.#upgraded) socket.destroy();
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const controller = new AbortController();
    this.#active.add(controller);
    response.once('close', () => {
      this.#active.delete(controller);
      if (!response.writableFinished) {
        controller.abort(new BoxError(499, 'CLIENT_CLOSED', 'The caller closed the connection'));
      }
    });
    try {
      const result = await this.#dispatch(request, response, controller.signal);
      if (result !== undefined) this.#send(response, 200, result);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  async #dispatch(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<object | undefined> {
    const url = parseUrl(request);
    if (!this.#authorized(request)) {
      // The driver polls for the first sign of life and holds no token.
      if (request.method === 'GET' && url.pathname === '/health') return { ok: true };
      throw unauthorized();
    }
    const { route, params } = await this.#options.router.match(request.method ?? '', url.pathname);
    const boxRequest: BoxRequest = {
      url,
      params,
      signal,
      raw: request,
      response,
      json: (schema) => readJson(request, schema),
    };
    return await route.handle(boxRequest);
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const reply = this.#toReply(request, error);
    if (response.headersSent || response.destroyed) {
      // A cut-off body is the only way left to say that it is not whole.
      response.destroy();
      return;
    }
    const body = { error: reply.message, code: reply.code };
    if (request.complete) this.#send(response, reply.status, body);
    else refuseBody(request, response, reply.status, Buffer.from(JSON.stringify(body)));
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    try {
      if (!this.#authorized(request)) throw unauthorized();
      const upgrade = await this.#options.router.matchUpgrade(parseUrl(request).pathname);
      if (!socket.destroyed) upgrade.handle(request, socket, head);
    } catch (error) {
      const reply = this.#toReply(request, error);
      const body = JSON.stringify({ error: reply.message, code: reply.code });
      socket.end(
        `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\ncontent-type: application/json\r\n` +
          `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    }
  }

  #send(response: ServerResponse, status: number, value: object): void {
    const cursor = this.#options.journalCursor();
    if (cursor > 0 && !response.destroyed) response.setHeader(JOURNAL_HEADER, cursor);
    sendJson(response, status, value);
  }

  #toReply(request: IncomingMessage, error: unknown): BoxError {
    if (error instanceof BoxError) return error;
    const path = request.url?.split('?')[0];
    const { traceparent } = request.headers;
    this.#options.logger.error('request.failed', { method: request.method, path, traceparent, error });
    return new BoxError(500, 'INTERNAL', 'The daemon of this box failed; its log says why');
  }
}

function parseUrl(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? '', 'http://box');
  if (!url) throw new BoxError(400, 'INVALID_PATH', 'The request path is not a valid URL path');
  return url;
}

function unauthorized(): BoxError {
  return new BoxError(401, 'UNAUTHORIZED', "Send this box's token as `Authorization: Bearer <token>`");
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  if (response.destroyed) return;
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

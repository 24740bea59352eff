import {
  createServer,
  request,
  type Agent,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BoxEgress } from '../../services/network/box-egress.ts';
import type { Verdict } from '../../services/network/egress-policy.ts';
import { passedHeaders, targetOf, type Target } from './http-request.ts';
import type { Destination } from './judge.ts';
import type { Route } from './egress-proxy.ts';

const HEADERS_TIMEOUT_MS = 30_000;

/** A connection of a box that speaks HTTP. */
export interface HttpClient {
  box: BoxEgress;
  destination: Destination;
  agent: Agent;
}

export interface HttpEgressDeps {
  /** Finds the way to a name or address for a box; notes refusals in the log. */
  route: (client: HttpClient, host: string) => Promise<Route | Verdict>;
  refuse: (client: HttpClient, host: string | null, rule: string) => void;
}

/**
 * Passes requests of boxes on, each judged by its own Host header. Requests are parsed and written anew, so that no
 * second reading of the same bytes can find another request in them.
 */
export class HttpEgress {
  readonly #deps: HttpEgressDeps;
  readonly #server: Server;
  readonly #clients = new WeakMap<Duplex, HttpClient>();

  constructor(deps: HttpEgressDeps) {
    this.#deps = deps;
    this.#server = createServer({ insecureHTTPParser: false, requireHostHeader: false });
    this.#server.headersTimeout = HEADERS_TIMEOUT_MS;
    this.#server.requestTimeout = 0;
    // Both ends are hostile: what Node refuses to pass on, such as a path with raw bytes, must end one connection only.
    this.#server.on('request', (incoming, response) => {
      this.#pass(incoming, response).catch(() => incoming.socket.destroy());
    });
    this.#server.on('upgrade', (incoming, socket, head) => {
      this.#upgrade(incoming, socket, head).catch(() => socket.destroy());
    });
    this.#server.on('connect', (incoming, socket) => this.#refuseTunnel(incoming, socket));
  }

  /** Takes a connection over; `head` is what was read of it already. */
  serve(socket: Socket, head: Buffer, client: HttpClient): void {
    this.#clients.set(socket, client);
    socket.unshift(head);
    this.#server.emit('connection', socket);
    socket.resume();
  }

  close(): void {
    this.#server.closeAllConnections();
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => incoming.socket.destroy());
    const client = this.#clients.get(incoming.socket);
    if (!client) return void incoming.socket.destroy();
    const target = targetOf(incoming, client.destination);
    const way = await this.#find(client, target);
    if ('rule' in way) return answerRefusal(response, target.host, way.rule);
    const outgoing = request({
      agent: client.agent,
      host: way.address,
      port: client.destination.port,
      method: incoming.method,
      path: 'path' in target ? target.path : '/',
      setHost: false,
      headers: passedHeaders(incoming.rawHeaders),
    });
    outgoing.on('response', (answer) => {
      answer.on('error', () => response.destroy());
      try {
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passedHeaders(answer.rawHeaders));
      } catch {
        return void response.destroy();
      }
      answer.pipe(response);
    });
    outgoing.on('error', () => answerFailure(response, target.host));
    response.on('close', () => outgoing.destroy());
    incoming.on('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  async #find(client: HttpClient, target: Target): Promise<Route | Verdict> {
    if ('refusal' in target) {
      this.#deps.refuse(client, target.host, target.refusal);
      return { allowed: false, rule: target.refusal };
    }
    return this.#deps.route(client, target.host);
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const client = this.#clients.get(socket);
    if (!client) return void socket.destroy();
    const target = targetOf(incoming, client.destination);
    const way = await this.#find(client, target);
    if ('rule' in way) return void socket.end(refusalText(target.host, way.rule));
    const { upgrade } = incoming.headers;
    const outgoing = request({
      agent: client.agent,
      host: way.address,
      port: client.destination.port,
      method: incoming.method,
      path: 'path' in target ? target.path : '/',
      setHost: false,
      headers: [...passedHeaders(incoming.rawHeaders), 'Connection', 'Upgrade', 'Upgrade', String(upgrade)],
    });
    outgoing.on('upgrade', (answer, upstream, rest) => {
      const lines = [`HTTP/1.1 101 ${answer.statusMessage ?? ''}`];
      for (let at = 0; at < answer.rawHeaders.length; at += 2) {
        lines.push(`${answer.rawHeaders[at] ?? ''}: ${answer.rawHeaders[at + 1] ?? ''}`);
      }
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      socket.write(rest);
      upstream.write(head);
      upstream.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    outgoing.on('response', (answer) => {
      socket.end(
        `HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\nConnection: close\r\n\r\n`,
      );
      answer.destroy();
    });
    outgoing.on('error', () => socket.destroy());
    socket.on('close', () => outgoing.destroy());
    outgoing.end();
  }

  /** A tunnel through somebody's proxy would lead past the rules. */
  #refuseTunnel(incoming: IncomingMessage, socket: Duplex): void {
    socket.on('error', () => socket.destroy());
    const client = this.#clients.get(socket);
    const rule = 'a tunnel through a proxy: allow the proxy’s address instead of its name';
    if (client) this.#deps.refuse(client, incoming.url ?? null, rule);
    socket.end(refusalText(incoming.url ?? null, rule));
  }
}

function refusalBody(host: string | null, rule: string): string {
  return `The network rules of this sandbox refuse ${host ?? 'this'}: ${rule}.\n`;
}

function refusalText(host: string | null, rule: string): string {
  const body = refusalBody(host, rule);
  return `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function answerRefusal(response: ServerResponse, host: string | null, rule: string): void {
  response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end(refusalBody(host, rule));
}

function answerFailure(response: ServerResponse, host: string | null): void {
  if (response.headersSent) return void response.destroy();
  response
    .writeHead(502, { 'content-type': 'text/plain', connection: 'close' })
    .end(`No connection to ${host ?? 'the host'}.\n`);
}

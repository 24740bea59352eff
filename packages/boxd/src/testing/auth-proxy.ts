import { once } from 'node:events';
import {
  createServer as createHttp,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What the proxy was asked for. */
export interface ProxyVisit {
  via: 'http' | 'connect' | 'socks5';
  /** Null where there was none. */
  user: string | null;
  /** Whether the name and password were the right ones. */
  allowed: boolean;
  host: string;
  port: number;
}

export interface AuthProxyOptions {
  kind: 'http' | 'https' | 'socks5';
  host: string;
  /** Default: a free one. */
  port?: number;
  username: string;
  password: string;
  /** Certificate of a proxy that is spoken to over TLS, PEM. */
  tls?: { key: string; cert: string };
  /** Where the asked host really is. */
  address: string;
  onVisit: (visit: ProxyVisit) => void;
}

/** A proxy that lets nobody through without name and password. */
export interface AuthProxy {
  port: number;
  close(): Promise<void>;
}

/** Starts a proxy that tells of everything it is asked for, and dials one address whatever the name. */
export async function startAuthProxy(options: AuthProxyOptions): Promise<AuthProxy> {
  const server = options.kind === 'socks5' ? socksServer(options) : httpServer(options);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(options.port ?? 0, options.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function httpServer(options: AuthProxyOptions): Server {
  const forward = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://unknown');
    if (!judge(options, request, { via: 'http', host: url.hostname, port: Number(url.port || 80) })) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
      return;
    }
    const upstream = httpRequest(
      {
        host: options.address,
        port: Number(url.port || 80),
        path: url.pathname + url.search,
        headers: { host: url.host },
      },
      (reply) => {
        response.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(response);
      },
    );
    upstream.on('error', () => response.destroy());
    upstream.end();
  };
  const server = options.tls ? createHttps(options.tls, forward) : createHttp(forward);
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [host = '', port = '443'] = (request.url ?? '').split(':');
    socket.on('error', () => socket.destroy());
    if (!judge(options, request, { via: 'connect', host, port: Number(port) })) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    join(socket, options.address, Number(port), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) socket.unshift(head);
    });
  });
  return server;
}

function judge(
  options: AuthProxyOptions,
  request: IncomingMessage,
  what: Pick<ProxyVisit, 'via' | 'host' | 'port'>,
): boolean {
  const given = /^Basic (.+)$/.exec(request.headers['proxy-authorization'] ?? '')?.[1];
  const text = given === undefined ? undefined : Buffer.from(given, 'base64').toString();
  const allowed = text === `${options.username}:${options.password}`;
  options.onVisit({ ...what, user: text?.split(':')[0] ?? null, allowed });
  return allowed;
}

/** SOCKS 5 with a name and a password (RFC 1928, RFC 1929), for requests to connect to a name. */
function socksServer(options: AuthProxyOptions): Server {
  return createServer((socket) => {
    void serveSocks(socket, options).catch(() => socket.destroy());
  });
}

async function serveSocks(socket: Socket, options: AuthProxyOptions): Promise<void> {
  const hello = await nextChunk(socket);
  // 2: name and password.
  if (!hello.subarray(2).includes(2)) {
    socket.end(Buffer.from([5, 0xff]));
    return;
  }
  socket.write(Buffer.from([5, 2]));
  const login = await nextChunk(socket);
  const nameLength = login[1] ?? 0;
  const user = login.subarray(2, 2 + nameLength).toString();
  const allowed = user === options.username && login.subarray(3 + nameLength).toString() === options.password;
  socket.write(Buffer.from([1, allowed ? 0 : 1]));
  if (!allowed) {
    options.onVisit({ via: 'socks5', user, allowed, host: '', port: 0 });
    socket.end();
    return;
  }
  const ask = await nextChunk(socket);
  // 3: a name, of which the length comes first. Addresses are not expected here.
  const end = 5 + (ask[4] ?? 0);
  const host = ask[3] === 3 ? ask.subarray(5, end).toString() : '';
  const port = ask.readUInt16BE(ask[3] === 3 ? end : 8);
  options.onVisit({ via: 'socks5', user, allowed, host, port });
  join(socket, options.address, port, () => socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])));
}

async function nextChunk(socket: Socket): Promise<Buffer> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk;
}

function join(client: Duplex, host: string, port: number, onOpen: () => void): void {
  const upstream = connect(port, host, () => {
    onOpen();
    upstream.pipe(client);
    client.pipe(upstream);
  });
  upstream.on('error', () => client.destroy());
  client.once('close', () => upstream.destroy());
}

import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import type { BoxUpgrade } from '../http/route.ts';

/** Name of the protocol that a tunnel is switched to: the bytes of one TCP connection. */
const PROTOCOL = 'banata-tcp';
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_TUNNELS = 512;
/** A server that was told to listen on "localhost" may have taken either. */
const LOOPBACK = ['127.0.0.1', '::1'];

export interface PortsServiceOptions {
  /** Ports that the daemon and what it runs for itself listen on; they are never tunnelled to. */
  ownPorts: () => Promise<number[]>;
}

/**
 * Tunnels from the server to programs that listen in the box: `GET /ports/tunnel?port=8080` with
 * `Upgrade: banata-tcp`. The daemon connects over loopback, so a program that listens there only is reached too, and
 * the box's address needs no open port.
 */
export function createPortsService({ ownPorts }: PortsServiceOptions): { upgrades: BoxUpgrade[] } {
  const tunnels = new Set<Duplex>();
  const open = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const port = wantedPort(request);
    if (port === undefined) {
      return refuseUpgrade(socket, 400, 'INVALID_PORT', 'port must be 1 to 65535, upgrade banata-tcp');
    }
    if ((await ownPorts()).includes(port)) {
      return refuseUpgrade(socket, 403, 'PORT_NOT_ALLOWED', `Port ${port} belongs to the sandbox itself`);
    }
    if (tunnels.size >= MAX_TUNNELS) {
      return refuseUpgrade(
        socket,
        503,
        'TOO_MANY_TUNNELS',
        `The sandbox has ${MAX_TUNNELS} connections to its ports, its most`,
      );
    }
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    const server = await connectLoopback(port);
    if (server) join(socket, server, head);
    else refuseUpgrade(socket, 502, 'PORT_NOT_LISTENING', `Nothing listens on port ${port}`);
  };
  return {
    upgrades: [
      {
        path: '/ports/tunnel',
        handle: (request, socket, head) => {
          open(request, socket, head).catch(() => socket.destroy());
        },
      },
    ],
  };
}

function wantedPort(request: IncomingMessage): number | undefined {
  const text = new URL(request.url ?? '/', 'http://box').searchParams.get('port') ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return request.headers.upgrade === PROTOCOL && port >= 1 && port <= 65535 ? port : undefined;
}

async function connectLoopback(port: number): Promise<Socket | undefined> {
  for (const host of LOOPBACK) {
    const socket = await tryConnect(host, port);
    if (socket) return socket;
  }
  return undefined;
}

function tryConnect(host: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    // Some servers answer only after the client has closed its side.
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const fail = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, fail);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function join(client: Duplex, server: Socket, head: Buffer): void {
  server.on('error', () => server.destroy());
  server.once('close', () => client.destroy());
  client.once('close', () => server.destroy());
  if (client.destroyed) {
    server.destroy();
    return;
  }
  client.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${PROTOCOL}\r\n\r\n`);
  if (head.length > 0) server.write(head);
  client.pipe(server);
  server.pipe(client);
}

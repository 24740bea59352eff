import { once } from 'node:events';
import { createServer as createHttpServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPortsService } from './service.ts';

let daemon: ReturnType<typeof createHttpServer>;
let echo: Server;
let daemonPort: number;

async function listen(server: Server | typeof daemon, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeEach(async () => {
  const { upgrades } = createPortsService({ ownPorts: () => Promise.resolve([daemonPort]) });
  daemon = createHttpServer();
  daemon.on('upgrade', (request, socket, head) => upgrades[0]?.handle(request, socket, head));
  daemonPort = await listen(daemon, '127.0.0.1');
  echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
});

afterEach(() => {
  daemon.close();
  daemon.closeAllConnections();
  echo.close();
});

function tunnel(port: number | string, upgrade = 'banata-tcp'): Promise<Duplex | number | undefined> {
  const outgoing = httpRequest({
    port: daemonPort,
    path: `/ports/tunnel?port=${port}`,
    headers: { connection: 'Upgrade', upgrade },
  });
  outgoing.end();
  return new Promise((resolve, reject) => {
    outgoing.on('upgrade', (_reply: IncomingMessage, socket: Duplex) => resolve(socket));
    outgoing.on('response', (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    });
    outgoing.on('error', reject);
  });
}

test.each(['127.0.0.1', '::1'])(
  'carries bytes to a program that listens on %s only, and ends with it',
  async (host) => {
    const socket = await tunnel(await listen(echo, host));
    if (!socket || typeof socket === 'number') throw new Error(`no tunnel: ${socket}`);
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    socket.end();
    await once(socket, 'close');
  },
);

test('refuses the daemon’s own port, ports where nothing listens, and what is no port', async () => {
  expect(await tunnel(daemonPort)).toBe(403);
  expect(await tunnel(await listen(echo, '127.0.0.1'), 'websocket')).toBe(400);
  const { port } = echo.address() as AddressInfo;
  echo.close();
  await once(echo, 'close');
  expect(await tunnel(port)).toBe(502);
  expect(await tunnel('0')).toBe(400);
  expect(await tunnel('65536')).toBe(400);
  expect(await tunnel('80.0')).toBe(400);
});

import { connect, createServer, type Server, type Socket } from 'node:net';

const MAX_CONNECTIONS = 256;
const IDLE_MS = 10 * 60_000;

/**
 * Forwards ports of the boxes' service address to the same ports of this machine's loopback: the ones the operator
 * listed, and no others (a local model server, say). Boxes reach them as `host.banata.internal:PORT`.
 */
export class HostPorts {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  async start(host: string, ports: number[]): Promise<void> {
    for (const port of ports) this.#servers.push(await this.#forward(host, port));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  #forward(host: string, port: number): Promise<Server> {
    const server = createServer((client) => this.#join(client, connect({ host: '127.0.0.1', port })));
    server.maxConnections = MAX_CONNECTIONS;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve(server));
    });
  }

  #join(client: Socket, target: Socket): void {
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

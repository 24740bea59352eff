import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Closes a server so that what is under way is answered: new connections are refused at once, streams that never end
 * by themselves (upgraded sockets) are closed, requests get `graceMs`, then every connection is destroyed.
 */
export class Connections {
  readonly #server: Server;
  readonly #all = new Set<Duplex>();
  readonly #upgraded = new Set<Duplex>();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#all.add(socket);
      socket.once('close', () => this.#all.delete(socket));
    });
    server.on('upgrade', (_request, socket) => {
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
    });
  }

  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    for (const socket of this.#upgraded) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of this.#all) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }
}

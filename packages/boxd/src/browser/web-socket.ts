import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

const PING_EVERY_MS = 30_000;

/** Pings a client and ends it when two pings in a row stay unanswered. */
export function keepAlive(socket: WebSocket): void {
  let missed = 0;
  socket.on('pong', () => (missed = 0));
  const timer = setInterval(() => {
    missed += 1;
    if (missed > 2) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, PING_EVERY_MS);
  timer.unref();
  socket.on('close', () => clearInterval(timer));
}

/** Accepts WebSockets on sockets that were upgraded elsewhere. */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer;

  /** @param maxPayload bytes of the longest message taken. */
  constructor(options: { maxPayload: number; protocol?: string }) {
    const { maxPayload, protocol } = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload,
      handleProtocols: (offered) => (protocol !== undefined && offered.has(protocol) ? protocol : false),
    });
  }

  /** Answers the handshake and hands over the WebSocket; a bad handshake is answered with an error here. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, use: (webSocket: WebSocket) => void): void {
    this.#server.handleUpgrade(request, socket, head, use);
  }
}

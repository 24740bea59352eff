import { connect } from 'node:net';
import { RfbViolation } from '@banata/protocol/box';
import type { WebSocket } from 'ws';
import { KeyHold } from './key-hold.ts';
import { keepAlive } from './web-socket.ts';

const MAX_VIEWERS = 32;
/** From this much unsent data on, the VNC server is not read: it then drops frames for this viewer. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** Carries the bytes of a VNC server's Unix socket over WebSockets, one connection each; letters get keys first. */
export class VncTunnel {
  readonly #path: string;
  readonly #viewers = new Set<WebSocket>();

  constructor(path: string) {
    this.#path = path;
  }

  /** @param prepare gives letters their keys; resolves when they can be pressed. */
  open(viewer: WebSocket, prepare: (keysyms: number[]) => Promise<unknown>): void {
    if (this.#viewers.size >= MAX_VIEWERS) {
      viewer.close(1013, `The desktop has ${MAX_VIEWERS} viewers, the most allowed.`);
      return;
    }
    this.#viewers.add(viewer);
    keepAlive(viewer);
    const server = connect(this.#path);
    const hold = new KeyHold({
      send(data) {
        if (!server.write(data)) viewer.pause();
      },
      prepare,
      onDrained() {
        if (!server.writableNeedDrain) viewer.resume();
      },
    });
    viewer.on('message', (data, isBinary) => {
      if (!isBinary) return viewer.close(1003, 'VNC data is binary.');
      try {
        hold.take(data as Buffer);
      } catch (error) {
        if (!(error instanceof RfbViolation)) throw error;
        return viewer.close(error.closeCode, error.message);
      }
      if (hold.isHolding) viewer.pause();
    });
    server.on('drain', () => {
      if (!hold.isHolding) viewer.resume();
    });
    server.on('data', (chunk) => {
      viewer.send(chunk, () => {
        if (viewer.bufferedAmount <= MAX_BACKLOG_BYTES) server.resume();
      });
      if (viewer.bufferedAmount > MAX_BACKLOG_BYTES) server.pause();
    });
    // Either end's error is followed by its close.
    server.on('error', () => {});
    viewer.on('error', () => viewer.terminate());
    server.on('close', () => {
      hold.close();
      viewer.resume();
      viewer.close(1012, 'The desktop ended; connect again.');
    });
    viewer.on('close', () => {
      this.#viewers.delete(viewer);
      hold.close();
      server.destroy();
    });
  }

  close(): void {
    for (const viewer of this.#viewers) viewer.close(1001, 'The desktop was stopped.');
  }
}

import type { WebSocket } from 'ws';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import { controlAt, maySteer, type ViewerIdentity } from '../../services/control/control.ts';
import { humanInLoop } from '../../services/control/control-service.ts';
import { controlOf, isApplied } from '../../stores/control-store.ts';
import type { BrowserConnection } from './browser-connections.ts';
import { RfbFilter } from './rfb-filter.ts';
import { RfbViolation } from '@banata/protocol/box';

/** From this much unsent data on, the other side is not read. */
const MAX_BACKLOG_BYTES = 1024 * 1024;
const PING_EVERY_MS = 30_000;
const MAX_MISSED_PINGS = 2;

export interface VncSessionOptions {
  client: WebSocket;
  box: WebSocket;
  linksEpoch: number | undefined;
  /** Null for links that are for watching only. */
  identity: ViewerIdentity | null;
  /** Called when the person acted. */
  onAct: () => void;
  /** Called once, when it is over. */
  onEnd: () => void;
  now: () => number;
}

/** One viewer of a desktop: pictures go out as they are, what comes in goes through the filter. */
export class VncSession implements BrowserConnection {
  readonly linksEpoch: number | undefined;
  readonly #options: VncSessionOptions;
  readonly #filter = new RfbFilter();
  readonly #ping: NodeJS.Timeout;
  #leaseEnd: NodeJS.Timeout | undefined;
  #missedPings = 0;
  #ended = false;

  constructor(options: VncSessionOptions) {
    this.#options = options;
    this.linksEpoch = options.linksEpoch;
    const { client, box } = options;
    client.on('message', (data, isBinary) => this.#fromClient(data as Buffer, isBinary));
    box.on('message', (data) => pass(data as Buffer, box, client));
    client.on('pong', () => (this.#missedPings = 0));
    for (const socket of [client, box]) {
      socket.on('error', () => socket.terminate());
      socket.on('close', () => this.end('The desktop ended; connect again.', 1012));
    }
    box.resume();
    this.#ping = setInterval(() => this.#pingClient(), PING_EVERY_MS).unref();
  }

  update(row: SandboxRow | undefined): void {
    clearTimeout(this.#leaseEnd);
    const { identity, now } = this.#options;
    if (!row || !identity || !humanInLoop(row)) return this.#steer(false);
    const control = controlAt(controlOf(row), now());
    // In mode human the person drives only once the box has stopped automation.
    const stopped = control.mode !== 'human' || isApplied(row);
    this.#steer(stopped && maySteer(control, identity, now()));
    if (control.leaseUntil === null) return;
    // To the millisecond, whenever the row is brought up to date.
    this.#leaseEnd = setTimeout(() => this.#steer(false), control.leaseUntil - now()).unref();
  }

  end(reason: string, code = 1008): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#ping);
    clearTimeout(this.#leaseEnd);
    const { client, box, onEnd } = this.#options;
    // What the viewer held would stay pressed for those who come after.
    this.#toBox(this.#filter.release());
    client.resume();
    box.resume();
    client.close(code, reason);
    box.close(1000);
    onEnd();
  }

  #fromClient(data: Buffer, isBinary: boolean): void {
    if (!isBinary) return this.end('RFB is binary.', 1003);
    try {
      const filtered = this.#filter.take(data);
      this.#toBox(filtered.data);
      if (filtered.acted) this.#options.onAct();
    } catch (error) {
      if (!(error instanceof RfbViolation)) throw error;
      this.end(error.message, error.closeCode);
    }
  }

  #steer(maySteer: boolean): void {
    this.#toBox(this.#filter.setMaySteer(maySteer));
  }

  #toBox(data: Buffer): void {
    if (data.length > 0) pass(data, this.#options.client, this.#options.box);
  }

  #pingClient(): void {
    const { client } = this.#options;
    this.#missedPings += 1;
    if (this.#missedPings > MAX_MISSED_PINGS) client.terminate();
    else if (client.readyState === client.OPEN) client.ping();
  }
}

/** Sends, and stops reading the source while the target does not keep up. */
function pass(data: Buffer, source: WebSocket, target: WebSocket): void {
  if (target.readyState !== target.OPEN) return;
  target.send(data, () => {
    if (target.bufferedAmount <= MAX_BACKLOG_BYTES && source.isPaused) source.resume();
  });
  if (target.bufferedAmount > MAX_BACKLOG_BYTES && !source.isPaused) source.pause();
}

import { ApiError } from '@banata/protocol';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import { refuseUpgrade } from '../gateway/refuse-upgrade.ts';
import { openTunnel } from '../gateway/tunnel.ts';
import type { Logger } from '../logger.ts';
import { PAIRED_CDP_PATH } from '../services/browsers/box-browser.ts';
import { isFinal, takesWork } from '../services/sandboxes/status.ts';
import { hashToken } from '../services/secrets.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { Boxes } from './boxes.ts';

/** How long a sandbox that is up already waits for its browser. */
const WAIT_MS = 30_000;
const POLL_MS = 100;

export interface PairedBrowserDeps {
  store: SandboxStore;
  boxes: Boxes;
  logger: Logger;
}

/** Joins the programs of a sandbox with the browser that belongs to it, at the boxes' listener. */
export class PairedBrowser {
  readonly #deps: PairedBrowserDeps;

  constructor(deps: PairedBrowserDeps) {
    this.#deps = deps;
  }

  /** Takes the listener's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Before anything else: a socket that fails without a listener would end the process.
    socket.on('error', () => socket.destroy());
    this.#join(request, socket, head).catch((error: unknown) =>
      refuseUpgrade(socket, error, this.#deps.logger),
    );
  }

  async #join(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { boxes } = this.#deps;
    const url = new URL(request.url ?? '/', 'http://box');
    // A browser always names the origin of the page that dials; programs do not.
    if (url.pathname !== PAIRED_CDP_PATH || request.headers.origin !== undefined)
      throw new ApiError('ROUTE_NOT_FOUND');
    const row = await this.#browserOf(url.searchParams.get('token') ?? '', socket);
    await openTunnel({
      request,
      socket,
      head,
      endpoint: await boxes.endpointOf(row),
      path: '/browser/cdp',
      signal: boxes.lifeOf(row),
      onClientData: () => undefined,
    });
  }

  /** The browser of the sandbox that has this token, once it is ready. */
  async #browserOf(token: string, socket: Duplex): Promise<SandboxRow> {
    const { store } = this.#deps;
    const owner = token === '' ? undefined : await store.findByModelToken(hashToken(token));
    if (!owner) throw new ApiError('LINK_INVALID');
    const deadline = Date.now() + WAIT_MS;
    while (Date.now() < deadline && !socket.destroyed) {
      const row = await store.findPaired(owner.id);
      if (!row || isFinal(row.status)) break;
      if (takesWork(row.status)) return row;
      await sleep(POLL_MS);
    }
    throw new ApiError('BROWSER_NOT_READY', 'The browser of this sandbox does not run.');
  }
}

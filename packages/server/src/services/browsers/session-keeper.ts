import { boxBrowserStateSchema, type BoxBrowserState } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { isFinal, takesWork } from '../sandboxes/status.ts';
import type { PauseService } from '../sandboxes/pause-service.ts';
import type { Terminator } from '../sandboxes/terminator.ts';

/** A client that connects anew at once finds its session. */
const GRACE_MS = 500;
const STATE_TIMEOUT_MS = 5_000;
const REASON = 'Its CDP client disconnected.';

export interface SessionKeeperDeps {
  store: SandboxStore;
  boxes: Boxes;
  terminator: Terminator;
  pauses: Pick<PauseService, 'pausePaired' | 'resumePaired'>;
  logger: Logger;
  now: () => number;
}

/**
 * Ends browser sessions whose CDP clients have gone, and those of sandboxes that have ended. How many clients there
 * are is asked of the box, which knows it whatever server they came through, and whichever of them was killed.
 */
export class SessionKeeper {
  readonly #deps: SessionKeeperDeps;
  /** Sessions whose first client this server has noted. */
  readonly #noted = new Set<string>();
  /** Sessions that had no client when they were last looked at. */
  #alone = new Set<string>();

  constructor(deps: SessionKeeperDeps) {
    this.#deps = deps;
  }

  /** A client of this browser has said something: from now on it is one whose going ends the session. */
  clientSpoke(row: SandboxRow): void {
    if (row.kind !== 'browser' || row.cdp_client_at !== null || this.#noted.has(row.id)) return;
    this.#noted.add(row.id);
    const { store, logger, now } = this.#deps;
    store.update(row.id, { cdp_client_at: now() }, [], now()).catch((error: unknown) => {
      this.#noted.delete(row.id);
      logger.warn({ event: 'browser_session.client', sessionId: row.id, err: error }, 'not recorded');
    });
  }

  /** A client of this browser has gone. */
  async clientLeft(row: SandboxRow): Promise<void> {
    if (row.kind !== 'browser' || row.paired_with !== null) return;
    await sleep(GRACE_MS);
    const now = await this.#deps.store.find(row.id);
    if (now && (await this.#hasNoClient(now))) await this.#deps.terminator.end(row.id, REASON);
  }

  /** One round over the sessions that live. */
  async sweep(): Promise<void> {
    const rows = (await this.#deps.store.listLive()).filter(({ kind }) => kind === 'browser');
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#noted) if (!ids.has(id)) this.#noted.delete(id);
    const alone = new Set<string>();
    await Promise.all(rows.map((row) => this.#look(row, alone)));
    this.#alone = alone;
  }

  async #look(row: SandboxRow, alone: Set<string>): Promise<void> {
    const { terminator } = this.#deps;
    if (row.paired_with !== null) {
      await this.#followOwner(row, row.paired_with);
    } else if (await this.#hasNoClient(row)) {
      // Seen twice, so that a client between two connections keeps its session.
      if (this.#alone.has(row.id)) await terminator.end(row.id, REASON);
      else alone.add(row.id);
    }
  }

  /** A paired browser ends, rests and goes on with its sandbox, also where a server was killed in between. */
  async #followOwner(row: SandboxRow, ownerId: string): Promise<void> {
    const { store, terminator, pauses, logger, now } = this.#deps;
    const owner = await store.find(ownerId);
    if (!owner || isFinal(owner.status)) return terminator.end(row.id, 'Its sandbox ended.');
    try {
      if (owner.status === 'paused' && takesWork(row.status)) await pauses.pausePaired(owner.id);
      else if (takesWork(owner.status) && row.status === 'paused') await pauses.resumePaired(owner.id);
      else if (takesWork(row.status)) await store.pair(owner.id, row.id, now());
    } catch (error) {
      logger.warn(
        { event: 'paired-browser.follow', sessionId: row.id, err: error },
        'not as its sandbox yet',
      );
    }
  }

  /** Whether there was a client and is none. A browser that does not answer is not known to have none. */
  async #hasNoClient(row: SandboxRow): Promise<boolean> {
    if (row.cdp_client_at === null || !takesWork(row.status)) return false;
    const state = await this.#state(row).catch(() => undefined);
    if (state?.state === 'failed') {
      await this.#deps.terminator.fail(row.id, `The browser failed: ${state.reason ?? 'no reason given'}`);
      return false;
    }
    return state?.clients === 0;
  }

  #state(row: SandboxRow): Promise<BoxBrowserState> {
    return this.#deps.boxes.json(row, boxBrowserStateSchema, {
      method: 'GET',
      path: '/browser',
      timeoutMs: STATE_TIMEOUT_MS,
    });
  }
}

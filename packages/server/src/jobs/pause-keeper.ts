import type { BoxState, SandboxDriver } from '@banata/drivers';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Logger } from '../logger.ts';
import type { Egress } from '../services/network/egress.ts';
import type { PauseService } from '../services/sandboxes/pause-service.ts';
import type { Terminator } from '../services/sandboxes/terminator.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { UsageStore } from '../stores/usage-store.ts';

export interface PauseKeeperDeps {
  store: SandboxStore;
  usageStore: UsageStore;
  driver: SandboxDriver;
  egress: Egress;
  pauses: PauseService;
  terminator: Terminator;
  /** Memory of a paused sandbox is freed after this long, ms. */
  toDiskMs: number;
  /** A paused sandbox is ended after this long, ms. */
  mostMs: number;
  logger: Logger;
  now: () => number;
}

/**
 * Looks after paused sandboxes: finishes pauses that a stopped server began, frees the memory of those that are paused
 * for long, and ends those that nobody resumes. Compares with what the driver says, so it does each thing once.
 */
export class PauseKeeper {
  readonly #deps: PauseKeeperDeps;

  constructor(deps: PauseKeeperDeps) {
    this.#deps = deps;
  }

  async keep(): Promise<void> {
    const { store, driver, logger } = this.#deps;
    const rows = (await store.listLive()).filter(({ status }) => status === 'pausing' || status === 'paused');
    if (rows.length === 0) return;
    const states = new Map((await driver.list()).map(({ id, state }) => [id, state]));
    for (const row of rows) {
      await this.#keepOne(row, row.box_id === null ? undefined : states.get(row.box_id)).catch(
        (error: unknown) =>
          logger.error(
            { event: 'pause.failed', sandboxId: row.id, err: error },
            'a paused sandbox is not at rest',
          ),
      );
    }
  }

  async #keepOne(row: SandboxRow, state: BoxState | undefined): Promise<void> {
    const { driver, terminator, pauses, toDiskMs, mostMs, now } = this.#deps;
    if (row.status === 'pausing') return pauses.finish(row.id);
    const pausedMs = now() - (row.paused_at ?? now());
    // A paired browser ends with its sandbox.
    if (pausedMs >= mostMs && row.paired_with === null)
      return terminator.end(row.id, 'Ended after it was paused for as long as sandboxes may be.');
    if (row.box_id === null || !driver.pauses) return;
    if (state === 'running') await driver.pauses.freeze(row.box_id);
    else if (state === 'dead' || (state === 'paused' && pausedMs >= toDiskMs))
      await this.#store(row, row.box_id);
    else if (state === undefined && !(await this.#isThere(row)))
      await terminator.fail(row.id, 'What the paused sandbox held is gone from the host.');
  }

  async #store(row: SandboxRow, boxId: string): Promise<void> {
    const { driver, egress, usageStore, logger, now } = this.#deps;
    const startedAt = now();
    await driver.pauses?.store(boxId);
    // Its address may be another box's by now.
    egress.boxes.remove(row.id);
    // The box's counters begin anew when it comes back.
    await usageStore.forgetBox(row.id);
    logger.info(
      { event: 'sandbox.put_away', sandboxId: row.id, durationMs: now() - startedAt },
      'the memory of a paused sandbox is free',
    );
  }

  /** The list and the rows were read at different instants. */
  async #isThere(row: SandboxRow): Promise<boolean> {
    const { driver, store } = this.#deps;
    const fresh = await store.find(row.id);
    return fresh?.status !== 'paused' || (await driver.list()).some(({ id }) => id === row.box_id);
  }
}

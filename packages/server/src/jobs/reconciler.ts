import type { BoxListing, SandboxDriver } from '@banata/drivers';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Logger } from '../logger.ts';
import type { Background } from '../services/background.ts';
import type { Provisioner } from '../services/sandboxes/provisioner.ts';
import { isReturning, type Returner } from '../services/sandboxes/returner.ts';
import type { Terminator } from '../services/sandboxes/terminator.ts';
import { takesWork } from '../services/sandboxes/status.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';

export interface ReconcilerDeps {
  store: SandboxStore;
  driver: SandboxDriver;
  provisioner: Provisioner;
  returner: Returner;
  terminator: Terminator;
  background: Background;
  serverId: string;
  /** When the counters of a sandbox's box were read last. */
  lastSampleAt: (sandboxId: string) => Promise<number | undefined>;
  logger: Logger;
  now: () => number;
}

/**
 * Compares the rows with the boxes of the host, both ways: a box without a row goes, a row whose box is gone fails,
 * and what a stopped server left half-done is finished.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  /** When each box was seen running last. */
  readonly #seen = new Map<string, number>();

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps;
  }

  async reconcile(): Promise<void> {
    // Boxes first: a row made in between has no box on the list yet, which is no reason to fail it.
    const boxes = await this.#deps.driver.list();
    const rows = await this.#deps.store.listLive();
    const byId = new Map(boxes.map((box) => [box.id, box]));
    for (const row of rows)
      await this.#reconcileRow(row, row.box_id === null ? undefined : byId.get(row.box_id));
    this.#remember(boxes);
    const known = new Set(rows.flatMap((row) => [row.box_id, row.previous_box_id]));
    for (const box of boxes.filter(({ id }) => !known.has(id))) await this.#removeOrphan(box.id);
  }

  #remember(boxes: readonly BoxListing[]): void {
    const ids = new Set(boxes.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
    const now = this.#deps.now();
    for (const { id, state } of boxes) if (state === 'running') this.#seen.set(id, now);
  }

  async #reconcileRow(row: SandboxRow, found: BoxListing | undefined): Promise<void> {
    if (row.status === 'queued' || row.status === 'assigning') {
      if (this.#isAbandoned(row)) this.#begin(row);
    } else if (row.status === 'ending') {
      // On its own time: a box may be slow to hand over what is kept of it.
      this.#deps.background.run('end-sandbox', () =>
        this.#deps.terminator.end(row.id, row.end_reason ?? 'Ended by request.'),
      );
    } else if (takesWork(row.status) && found?.state !== 'running') {
      await this.#confirmLoss(row, found?.reason);
    }
  }

  #begin(row: SandboxRow): void {
    const { provisioner, returner } = this.#deps;
    if (row.status === 'assigning' && isReturning(row)) returner.start(row.id);
    else provisioner.start(row.id);
  }

  /** The list and the rows were read at different instants: ask for this box by name before failing its sandbox. */
  async #confirmLoss(row: SandboxRow, reason: string | undefined): Promise<void> {
    const box = row.box_id === null ? undefined : await this.#deps.driver.get(row.box_id);
    if (box) return;
    const { logger, lastSampleAt } = this.#deps;
    logger.warn({ event: 'sandbox.lost', sandboxId: row.id }, 'the box of a sandbox is gone');
    const lastSeen =
      (row.box_id === null ? undefined : this.#seen.get(row.box_id)) ?? (await lastSampleAt(row.id));
    await this.#deps.terminator.fail(
      row.id,
      `The sandbox stopped by itself: ${reason ?? 'its processes ended or the host took them down.'}`,
      lastSeen,
    );
  }

  async #removeOrphan(boxId: string): Promise<void> {
    const owner = await this.#deps.store.findByBox(boxId);
    if (owner && owner.status !== 'ended' && owner.status !== 'failed') return;
    this.#deps.logger.warn({ event: 'box.orphan', boxId }, 'removing a box that no sandbox owns');
    await this.#deps.driver.destroy(boxId);
  }

  #isAbandoned(row: SandboxRow): boolean {
    return (
      row.lease_owner === null ||
      row.lease_owner === this.#deps.serverId ||
      row.lease_until < this.#deps.now()
    );
  }
}

import type { Config } from '@banata/config';
import type { SandboxDriver } from '@banata/drivers';
import type { CheckpointRow } from '../../database/tables/lasting.ts';
import type { Logger } from '../../logger.ts';
import type { CheckpointStore } from '../../stores/checkpoint-store.ts';
import type { ObjectStore } from '../../stores/objects/object-store.ts';
import type { CheckpointContents } from './checkpoint-contents.ts';
import type { CheckpointService } from './checkpoint-service.ts';
import { objectKeyOf } from './checkpoint-view.ts';

export interface CheckpointKeeperDeps {
  service: CheckpointService;
  contents: CheckpointContents;
  checkpoints: CheckpointStore;
  objects: ObjectStore;
  driver: SandboxDriver;
  config: Pick<Config, 'checkpoints'>;
  serverId: string;
  logger: Logger;
  now: () => number;
}

/**
 * Compares the records of checkpoints with what the driver has, both ways, finishes what a stopped server left
 * half-done, and deletes what is one too many or too old. Each step can be repeated.
 */
export class CheckpointKeeper {
  readonly #deps: CheckpointKeeperDeps;

  constructor(deps: CheckpointKeeperDeps) {
    this.#deps = deps;
  }

  async keep(): Promise<void> {
    await this.#compare();
    await this.#expire();
    await this.#evict();
    await this.#sweepDeleted();
  }

  async #compare(): Promise<void> {
    const { driver, checkpoints, service, contents } = this.#deps;
    // Copies first: one made in between has no record on the list yet, and its record says that it is being made.
    const copies = new Set(await driver.checkpoints?.list());
    for (const row of await checkpoints.listCreating()) {
      if (!service.isCreating(row.id) && this.#isAbandoned(row)) await this.#settle(row, copies.has(row.id));
    }
    const rows = new Map((await checkpoints.listLocal()).map((row) => [row.id, row]));
    for (const row of rows.values()) {
      if (row.local && !copies.has(row.id)) await this.#noteLoss(row);
    }
    for (const id of copies) {
      if (!rows.has(id) && !contents.isComing(id)) await this.#removeCopy(id);
    }
  }

  /** What a server that was killed was making: it is there whole, or not at all. */
  async #settle(row: CheckpointRow, whole: boolean): Promise<void> {
    const { service, objects, logger } = this.#deps;
    logger.warn(
      { event: 'checkpoint.settled', checkpointId: row.id, whole },
      'a checkpoint was left half-made',
    );
    if (whole) {
      await service.finish(row.id, row.size);
      return;
    }
    if (row.format === 'archive') await objects.delete(objectKeyOf(row));
    await service.fail(row.id, 'The server stopped while the checkpoint was being made.');
  }

  #isAbandoned({ lease_owner: owner, lease_until: until }: CheckpointRow): boolean {
    return owner === this.#deps.serverId || until < this.#deps.now();
  }

  async #noteLoss(row: CheckpointRow): Promise<void> {
    const { driver, checkpoints, service } = this.#deps;
    if ((await driver.checkpoints?.list())?.includes(row.id)) return;
    if (row.state === 'stored') await checkpoints.setLocal(row.id, false);
    else
      await service.fail(row.id, 'The server’s disk lost the checkpoint before it was in the object store.');
  }

  /** A copy that no record speaks of: of a deleted checkpoint, or one that was brought in for a restore just now. */
  async #removeCopy(id: string): Promise<void> {
    const { driver, checkpoints, contents, logger } = this.#deps;
    const row = await checkpoints.find(id);
    if (row?.local || row?.state === 'creating' || contents.isComing(id)) return;
    logger.info(
      { event: 'checkpoint.copy_removed', checkpointId: id },
      'removing a copy that no checkpoint owns',
    );
    await driver.checkpoints?.delete(id);
  }

  async #expire(): Promise<void> {
    const { checkpoints, service, config, now } = this.#deps;
    const { perSandbox, maxAgeMs } = config.checkpoints;
    const before = maxAgeMs === 0 ? 0 : now() - maxAgeMs;
    for (const { row, cause } of await checkpoints.listSurplus(perSandbox, before))
      await service.remove(row, cause);
  }

  /** Copies of stored checkpoints take room on the disk that sandboxes need. */
  async #evict(): Promise<void> {
    const { checkpoints, contents, config, now } = this.#deps;
    const unused = await checkpoints.listUnused(now() - config.checkpoints.localMs);
    for (const { id } of unused) await contents.release(id);
  }

  async #sweepDeleted(): Promise<void> {
    const { checkpoints, driver, objects, logger } = this.#deps;
    for (const row of await checkpoints.listDeleted()) {
      try {
        await driver.checkpoints?.delete(row.id);
        await objects.delete(objectKeyOf(row));
        await checkpoints.remove(row.id);
      } catch (error) {
        logger.warn({ event: 'checkpoint.delete_failed', checkpointId: row.id, err: error }, 'deleted later');
      }
    }
  }
}

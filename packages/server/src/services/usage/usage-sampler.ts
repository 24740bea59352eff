import type { SandboxDriver } from '@banata/drivers';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { UsageStore } from '../../stores/usage-store.ts';
import { FullDisks } from './full-disks.ts';

export interface UsageSamplerDeps {
  driver: SandboxDriver;
  store: SandboxStore;
  usageStore: UsageStore;
  logger: Logger;
  now: () => number;
}

/** Reads the counters of boxes from time to time and before a box goes. Each reading is a checkpoint of its own. */
export class UsageSampler {
  readonly #deps: UsageSamplerDeps;
  readonly #fullDisks = new FullDisks();

  constructor(deps: UsageSamplerDeps) {
    this.#deps = deps;
  }

  /** Reads all boxes that this server's driver has. A disk that has become full makes an event. */
  async sampleAll(): Promise<void> {
    const rows = await this.#deps.store.listLive();
    this.#fullDisks.keep(new Set(rows.map(({ id }) => id)));
    await this.#sample(rows);
  }

  /** The last reading of a box that is about to go. A failure is logged: it must not keep the box. */
  async sampleLast(row: SandboxRow): Promise<void> {
    try {
      await this.#sample([row]);
    } catch (error) {
      this.#deps.logger.warn(
        { event: 'usage.sample_failed', sandboxId: row.id, err: error },
        'the last use of a sandbox could not be read',
      );
    }
  }

  async #sample(rows: readonly SandboxRow[]): Promise<void> {
    const { driver, store, usageStore, now } = this.#deps;
    if (!driver.usage) return;
    const boxes = new Map(rows.flatMap((row) => (row.box_id === null ? [] : [[row.box_id, row] as const])));
    if (boxes.size === 0) return;
    const sampledAt = now();
    for (const [boxId, usage] of await driver.usage([...boxes.keys()])) {
      const row = boxes.get(boxId);
      if (!row) continue;
      await usageStore.record({
        sandboxId: row.id,
        organizationId: row.organization_id,
        boxId,
        sampledAt,
        usage,
      });
      const event = this.#fullDisks.look(row, usage.storageBytes);
      if (event) await store.update(row.id, {}, [event], sampledAt);
    }
  }
}

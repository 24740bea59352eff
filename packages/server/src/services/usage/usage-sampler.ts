import type { SandboxDriver } from '@banata/drivers';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { UsageStore } from '../../stores/usage-store.ts';

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

  constructor(deps: UsageSamplerDeps) {
    this.#deps = deps;
  }

  /** Reads all boxes that this server's driver has. */
  async sampleAll(): Promise<void> {
    await this.#sample(await this.#deps.store.listLive());
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
    const { driver, usageStore, now } = this.#deps;
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
    }
  }
}

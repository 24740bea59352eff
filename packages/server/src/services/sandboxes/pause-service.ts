import { ApiError, type SandboxSession } from '@banata/protocol';
import type { Config } from '@banata/config';
import type { SandboxDriver } from '@banata/drivers';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { Caller } from '../access.ts';
import type { PlanGate } from '../plans/plan-gate.ts';
import type { PlanService } from '../plans/plan-service.ts';
import { requireCapacity } from './require-capacity.ts';
import type { Returner } from './returner.ts';
import type { SandboxService } from './sandbox-service.ts';
import { takesWork } from './status.ts';

export interface PauseServiceDeps {
  sandboxes: SandboxService;
  store: SandboxStore;
  driver: SandboxDriver;
  boxes: Boxes;
  returner: Returner;
  plans: PlanService;
  planGate: PlanGate;
  config: Pick<Config, 'driver'>;
  sampleLast: (row: SandboxRow) => Promise<void>;
  detach: (sandboxId: string) => Promise<void>;
  /** Ends what is open on the sandbox's previews. */
  endPreviews: () => Promise<void>;
  logger: Logger;
  now: () => number;
}

/** Stops sandboxes where they are, and lets them go on. */
export class PauseService {
  readonly #deps: PauseServiceDeps;
  readonly #inProgress = new Map<string, Promise<void>>();

  constructor(deps: PauseServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY, NOT_SUPPORTED. */
  async pause(caller: Caller, id: string): Promise<SandboxSession> {
    const { sandboxes, store, driver, now } = this.#deps;
    const row = await sandboxes.find(caller, id);
    if (takesWork(row.status)) {
      if (!driver.pauses)
        throw new ApiError('NOT_SUPPORTED', 'The driver of this server cannot pause sandboxes.');
      const events = [{ type: 'sandbox.pausing' as const, data: {} }];
      await store.transition(id, { to: 'pausing', events }, now());
    } else if (row.status !== 'pausing' && row.status !== 'paused') {
      throw new ApiError('SANDBOX_NOT_READY', undefined, { details: { status: row.status } });
    }
    await this.finish(id);
    return sandboxes.get(caller, id);
  }

  /** Brings a sandbox that is `pausing` to its rest; whoever comes while that goes on waits for it. */
  finish(id: string): Promise<void> {
    const running = this.#inProgress.get(id) ?? this.#freeze(id).finally(() => this.#inProgress.delete(id));
    this.#inProgress.set(id, running);
    return running;
  }

  async #freeze(id: string): Promise<void> {
    const { store, driver, boxes, logger, now } = this.#deps;
    const row = await store.find(id);
    if (row?.status !== 'pausing' || row.box_id === null) return;
    try {
      boxes.forget(
        row.box_id,
        new ApiError('SANDBOX_INTERRUPTED', 'The sandbox was paused while the call was under way.'),
      );
      await this.#deps.endPreviews();
      await this.#deps.detach(id);
      await this.pausePaired(id);
      await driver.pauses?.freeze(row.box_id);
      await this.#deps.sampleLast(row);
    } catch (error) {
      logger.error(
        { event: 'sandbox.pause_failed', sandboxId: id, err: error },
        'a sandbox could not be paused',
      );
      await driver.pauses?.thaw(row.box_id).catch(() => undefined);
      const events = [{ type: 'sandbox.idle' as const, data: {} }];
      await store.transition(id, { to: 'ready', events }, now());
      // The keeper of browser sessions tries again where this fails.
      await this.resumePaired(id).catch(() => undefined);
      throw error;
    }
    const set = { paused_at: now(), lease_owner: null, lease_until: 0 };
    await store.transition(id, { to: 'paused', set, events: [{ type: 'sandbox.paused', data: {} }] }, now());
  }

  /** Brings the browser that is paired with a sandbox to rest, where there is one. */
  async pausePaired(id: string): Promise<void> {
    const { store, now } = this.#deps;
    const paired = await store.findPaired(id);
    if (!paired) return;
    if (takesWork(paired.status)) {
      const events = [{ type: 'sandbox.pausing' as const, data: {} }];
      await store.transition(paired.id, { to: 'pausing', events }, now());
    }
    await this.finish(paired.id);
  }

  /** Lets the browser that is paired with a sandbox go on, where one is paused. @throws {ApiError} */
  async resumePaired(id: string): Promise<void> {
    const { store, returner } = this.#deps;
    const paired = await store.findPaired(id);
    if (!paired) return;
    await this.#inProgress.get(paired.id)?.catch(() => undefined);
    const row = await store.find(paired.id);
    // It was counted when its sandbox was let in.
    if (row?.status === 'paused') await returner.resume(row, () => Promise.resolve());
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY, PLAN_LIMIT_EXCEEDED, CAPACITY_EXHAUSTED. */
  async resume(caller: Caller, id: string): Promise<SandboxSession> {
    const { sandboxes, store, returner, plans, planGate, config } = this.#deps;
    await this.#inProgress.get(id)?.catch(() => undefined);
    const row = await sandboxes.find(caller, id);
    if (row.status === 'paused') {
      const plan = await plans.of(row.organization_id);
      const hasPaired = (await store.findPaired(id))?.status === 'paused';
      await requireCapacity(store, config.driver.maxSandboxes, hasPaired ? 2 : 1);
      await returner.resume(row, async (tx) => {
        await planGate.admit(tx, row.organization_id, plan);
        if (hasPaired) await planGate.admitBrowser(tx, row.organization_id, plan);
      });
      await this.resumePaired(id);
    } else if (!takesWork(row.status)) {
      throw new ApiError('SANDBOX_NOT_READY', undefined, { details: { status: row.status } });
    }
    return sandboxes.get(caller, id);
  }
}

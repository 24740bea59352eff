import type { SandboxStatus } from '@banata/protocol';
import type { SandboxDriver } from '@banata/drivers';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { TaskStore } from '../../stores/task-store.ts';
import { failOpenTasks } from '../agent/fail-open-tasks.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import { isFinal, takesWork } from './status.ts';

export interface TerminatorDeps {
  store: SandboxStore;
  tasks: TaskStore;
  driver: SandboxDriver;
  boxes: Boxes;
  /** Keeps what is to outlive the box, before it goes. */
  keepLast: (row: SandboxRow) => Promise<void>;
  /** Reads what the box used, before it goes. */
  sampleLast: (row: SandboxRow) => Promise<void>;
  tracing: Tracing;
  logger: Logger;
  now: () => number;
}

/** Ends sandboxes. Every step can be repeated, so that another server can finish what one began. */
export class Terminator {
  readonly #deps: TerminatorDeps;
  readonly #inProgress = new Map<string, Promise<void>>();

  constructor(deps: TerminatorDeps) {
    this.#deps = deps;
  }

  /**
   * Ends a sandbox that has not ended: its box goes, its open tasks fail. Resolves when it is done.
   * @param ranUntil the end of its run in the usage. Default: now.
   */
  end(id: string, reason: string, ranUntil?: number): Promise<void> {
    return this.#once(id, () => this.#finish(id, { outcome: 'ended', reason, ranUntil }));
  }

  /** The same for a sandbox whose box is lost. */
  fail(id: string, reason: string, ranUntil?: number): Promise<void> {
    return this.#once(id, () => this.#finish(id, { outcome: 'failed', reason, ranUntil }));
  }

  /** Whoever comes while a sandbox is being ended waits for the same end. */
  #once(id: string, finish: () => Promise<void>): Promise<void> {
    const running = this.#inProgress.get(id) ?? finish().finally(() => this.#inProgress.delete(id));
    this.#inProgress.set(id, running);
    return running;
  }

  async #finish(
    id: string,
    {
      outcome,
      reason,
      ranUntil,
    }: {
      outcome: Extract<SandboxStatus, 'ended' | 'failed'>;
      reason: string;
      ranUntil: number | undefined;
    },
  ): Promise<void> {
    const { store, driver, boxes, logger, now } = this.#deps;
    const row = (await this.#markEnding(id, reason, ranUntil)) ?? (await store.find(id));
    if (row?.status !== 'ending') return;
    if (row.box_id !== null) {
      await this.#deps.keepLast(row);
      await this.#deps.sampleLast(row);
      boxes.forget(row.box_id);
      await driver.destroy(row.box_id);
    }
    // It was being put back to a checkpoint.
    if (row.previous_box_id !== null) await driver.destroy(row.previous_box_id);
    await failOpenTasks(this.#deps, row.id, {
      code: 'SANDBOX_ENDED',
      message: 'The sandbox ended before the task was done.',
    });
    await this.#endPaired(row, reason);
    const endedAt = now();
    await store.transition(
      id,
      {
        to: outcome,
        set: { ended_at: endedAt, end_reason: row.end_reason ?? reason, lease_owner: null, lease_until: 0 },
        events: [
          {
            type: outcome === 'ended' ? 'sandbox.ended' : 'sandbox.failed',
            data: { reason: row.end_reason ?? reason },
          },
        ],
      },
      endedAt,
    );
    logger.info(
      { event: 'sandbox.ended', sandboxId: id, outcome, reason, lifeMs: endedAt - row.created_at },
      'sandbox ended',
    );
  }

  #markEnding(id: string, reason: string, ranUntil: number | undefined): Promise<SandboxRow | undefined> {
    const events = [{ type: 'sandbox.ending' as const, data: { reason } }];
    return this.#deps.store.transition(
      id,
      { to: 'ending', set: { end_reason: reason }, events, ...(ranUntil !== undefined && { ranUntil }) },
      this.#deps.now(),
    );
  }

  /** The browser session of a sandbox ends with it; a sandbox whose browser ends first is told. */
  async #endPaired(row: SandboxRow, reason: string): Promise<void> {
    const { store, now } = this.#deps;
    if (row.paired_with !== null) {
      const owner = await store.find(row.paired_with);
      if (owner && takesWork(owner.status)) await store.unpair(owner.id, reason, now());
    } else if (row.kind === 'sandbox') {
      const paired = await store.findPaired(row.id);
      if (paired && !isFinal(paired.status)) await this.end(paired.id, 'Its sandbox ended.');
    }
  }
}

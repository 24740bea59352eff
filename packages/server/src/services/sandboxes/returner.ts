import { ApiError, newId } from '@banata/protocol';
import { DriverError, type SandboxDriver } from '@banata/drivers';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { Tx } from '../../stores/event-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { TaskStore } from '../../stores/task-store.ts';
import { failOpenTasks } from '../agent/fail-open-tasks.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { Background } from '../background.ts';
import type { Egress } from '../network/egress.ts';
import { hashToken } from '../secrets.ts';
import { Stopwatch } from '../stopwatch.ts';
import { failureReason } from './failure-reason.ts';
import { restoredEvents, type Provisioner } from './provisioner.ts';
import type { Terminator } from './terminator.ts';

/** Contents of a checkpoint are at hand when a restore begins; memory on disk is read at the disk's pace. */
const RETURN_TIMEOUT_MS = 5 * 60_000;

export interface ReturnerDeps {
  store: SandboxStore;
  tasks: TaskStore;
  driver: SandboxDriver;
  boxes: Boxes;
  egress: Egress;
  provisioner: Provisioner;
  terminator: Terminator;
  /** Ends and keeps what a box records, before it goes. */
  keepRecordings: (row: SandboxRow) => Promise<void>;
  /** Reads what a box used, before it goes. */
  sampleLast: (row: SandboxRow) => Promise<void>;
  attach: (sandboxId: string) => Promise<void>;
  /** Lets go of the link to a box, and waits until nothing more is taken over from it. */
  detach: (sandboxId: string) => Promise<void>;
  background: Background;
  tracing: Tracing;
  logger: Logger;
  now: () => number;
}

/**
 * Brings sandboxes back to work that worked before: to the files of a checkpoint, or from a pause. The row says which,
 * so that another server can finish what one began: either the sandbox comes back, or it is as it was before.
 */
export class Returner {
  readonly #deps: ReturnerDeps;
  readonly #inProgress = new Map<string, { stop: AbortController; done: Promise<void> }>();

  constructor(deps: ReturnerDeps) {
    this.#deps = deps;
  }

  /**
   * Puts a sandbox back to a checkpoint whose contents are at hand.
   * @throws {ApiError} SANDBOX_NOT_READY, RESTORE_FAILED.
   */
  async restore(row: SandboxRow, checkpointId: string): Promise<void> {
    const { store, provisioner, now } = this.#deps;
    const marked = await store.transition(
      row.id,
      {
        to: 'assigning',
        set: {
          checkpoint_id: checkpointId,
          previous_box_id: row.box_id,
          box_id: newId(),
          ...provisioner.lease,
        },
        events: [{ type: 'sandbox.checkpoint.restoring', data: { checkpointId } }],
      },
      now(),
    );
    if (!marked) throw new ApiError('SANDBOX_NOT_READY');
    await this.#run(row.id);
  }

  /**
   * Lets a paused sandbox go on.
   * @param admit refuses by rejecting, in the transaction that makes it run.
   * @throws {ApiError} SANDBOX_NOT_READY, what `admit` throws, CAPACITY_EXHAUSTED.
   */
  async resume(row: SandboxRow, admit: (tx: Tx) => Promise<void>): Promise<void> {
    const { store, provisioner, now } = this.#deps;
    const set = provisioner.lease;
    const marked = await store.transition(row.id, { to: 'assigning', set, events: [], admit }, now());
    if (!marked) throw new ApiError('SANDBOX_NOT_READY');
    await this.#run(row.id);
  }

  /** Goes on with what a stopped server began. */
  start(id: string): void {
    // The outcome is in the row.
    this.#run(id).catch(() => undefined);
  }

  /** Breaks off the return of a sandbox that is to end; resolves when nothing of it goes on. */
  async cancel(id: string): Promise<void> {
    const running = this.#inProgress.get(id);
    running?.stop.abort();
    await running?.done.catch(() => undefined);
  }

  #run(id: string): Promise<void> {
    const running = this.#inProgress.get(id);
    if (running) return running.done;
    const stop = new AbortController();
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    done.catch(() => undefined);
    this.#inProgress.set(id, { stop, done });
    this.#deps.background.run('return', async (signal) => {
      try {
        await this.#return(id, AbortSignal.any([signal, stop.signal]));
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      } finally {
        this.#inProgress.delete(id);
      }
    });
    if (this.#deps.background.signal.aborted) {
      this.#inProgress.delete(id);
      reject(new ApiError('SANDBOX_NOT_READY'));
    }
    return done;
  }

  async #return(id: string, stop: AbortSignal): Promise<void> {
    const row = await this.#deps.store.find(id);
    if (row?.status !== 'assigning') return;
    const signal = AbortSignal.any([stop, AbortSignal.timeout(RETURN_TIMEOUT_MS)]);
    try {
      if (row.previous_box_id !== null) await this.#restoreBox(row, signal);
      else if (row.paused_at !== null) await this.#resumeBox(row, signal);
    } catch (error) {
      // A server that stops leaves the row as it is, and the next one goes on; whoever cancels ends the sandbox.
      if (stop.aborted) throw new ApiError('SANDBOX_INTERRUPTED');
      this.#deps.logger.error(
        { event: 'sandbox.return_failed', sandboxId: id, err: error },
        'a sandbox did not come back',
      );
      if (row.previous_box_id !== null) await this.#undoRestore(row, row.previous_box_id, error);
      else await this.#undoResume(row, error);
      throw toReturnError(error);
    }
  }

  async #restoreBox(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const { store, driver, boxes, provisioner, now } = this.#deps;
    const startedAt = now();
    const previous = row.previous_box_id ?? '';
    await this.#deps.keepRecordings({ ...row, box_id: previous });
    boxes.forget(previous, new ApiError('SANDBOX_INTERRUPTED'));
    await this.#deps.detach(row.id);
    // What is restored over must not go on meanwhile; one that cannot stand still is gone soon.
    await driver.pauses?.freeze(previous).catch(() => undefined);
    if (row.box_id !== null) await driver.destroy(row.box_id);
    const stopwatch = new Stopwatch();
    const { modelToken, contents } = await provisioner.makeBox(row, signal, stopwatch);
    await this.#deps.sampleLast({ ...row, box_id: previous });
    await failOpenTasks(this.#deps, row.id, {
      code: 'SANDBOX_RESTORED',
      message: 'The sandbox was put back to a checkpoint before the task was done.',
    });
    const readyAt = now();
    const ready = await store.transition(
      row.id,
      {
        to: 'ready',
        set: {
          checkpoint_id: null,
          previous_box_id: null,
          box_cursor: 0,
          model_token_hash: hashToken(modelToken),
          ready_at: readyAt,
          last_activity_at: readyAt,
          lease_owner: null,
          lease_until: 0,
        },
        events: [
          { type: 'sandbox.ready', data: { startupMs: readyAt - startedAt } },
          ...restoredEvents(row, contents),
        ],
      },
      readyAt,
    );
    if (!ready) return;
    this.#deps.logger.info(
      {
        event: 'sandbox.restored',
        sandboxId: row.id,
        durationMs: readyAt - startedAt,
        timings: stopwatch.laps,
      },
      'sandbox put back to a checkpoint',
    );
    if (ready.followed) await this.#deps.attach(ready.id);
    await driver.destroy(previous);
  }

  /** The sandbox goes on with the box it had. */
  async #undoRestore(row: SandboxRow, previous: string, error: unknown): Promise<void> {
    const { store, driver, boxes, egress, now } = this.#deps;
    if (row.box_id !== null) {
      boxes.forget(row.box_id);
      await driver.destroy(row.box_id);
    }
    await driver.pauses?.thaw(previous).catch(() => undefined);
    const box = await driver.get(previous);
    if (!box)
      return this.#deps.terminator.fail(row.id, 'The sandbox stopped by itself while it was being restored.');
    egress.boxes.replace(box.address, row.id, row.network);
    const checkpointId = row.checkpoint_id ?? '';
    const ready = await store.transition(
      row.id,
      {
        to: 'ready',
        set: {
          checkpoint_id: null,
          previous_box_id: null,
          box_id: previous,
          last_activity_at: now(),
          lease_owner: null,
          lease_until: 0,
        },
        events: [
          {
            type: 'sandbox.checkpoint.failed',
            data: { checkpointId, step: 'restore', reason: whyNot(error) },
          },
          { type: 'sandbox.ready', data: { startupMs: 0 } },
        ],
      },
      now(),
    );
    if (ready?.followed) await this.#deps.attach(ready.id);
  }

  async #resumeBox(row: SandboxRow, signal: AbortSignal): Promise<void> {
    const { store, driver, boxes, egress, now } = this.#deps;
    const startedAt = now();
    if (!driver.pauses || row.box_id === null) throw new ApiError('NOT_SUPPORTED');
    const box = await driver.pauses.resume(row.box_id, signal);
    boxes.forget(row.box_id);
    boxes.remember(row.box_id, box.endpoint);
    egress.boxes.replace(box.address, row.id, row.network);
    const readyAt = now();
    const pausedMs = Math.max(0, readyAt - (row.paused_at ?? readyAt));
    const ready = await store.transition(
      row.id,
      {
        to: 'ready',
        set: {
          paused_at: null,
          paused_ms: row.paused_ms + pausedMs,
          expires_at: row.expires_at + pausedMs,
          last_activity_at: readyAt,
          // Browser and agent come up anew.
          ...(box.programsKept ? {} : { ready_at: readyAt }),
          lease_owner: null,
          lease_until: 0,
        },
        events: [
          {
            type: 'sandbox.resumed',
            data: { startupMs: readyAt - startedAt, programsKept: box.programsKept },
          },
        ],
      },
      readyAt,
    );
    if (ready?.followed) await this.#deps.attach(ready.id);
  }

  /** The sandbox stays paused, unless its box is lost. */
  async #undoResume(row: SandboxRow, error: unknown): Promise<void> {
    const { store, driver, now } = this.#deps;
    const listed = (await driver.list()).find(({ id }) => id === row.box_id);
    if (!listed) return this.#deps.terminator.fail(row.id, whyNot(error));
    await store.transition(
      row.id,
      {
        to: 'paused',
        set: { lease_owner: null, lease_until: 0 },
        events: [{ type: 'sandbox.paused', data: {} }],
      },
      now(),
    );
  }
}

/** Whether a row that is `assigning` worked before. */
export function isReturning({ previous_box_id: previous, paused_at: pausedAt }: SandboxRow): boolean {
  return previous !== null || pausedAt !== null;
}

function whyNot(error: unknown): string {
  return failureReason(error, 'Bringing the sandbox back', RETURN_TIMEOUT_MS);
}

function toReturnError(error: unknown): ApiError {
  if (error instanceof ApiError && error.code !== 'SANDBOX_UNREACHABLE') return error;
  if (error instanceof DriverError && error.code === 'CAPACITY_EXHAUSTED')
    return new ApiError('CAPACITY_EXHAUSTED', error.message, { cause: error });
  return new ApiError('RESTORE_FAILED', whyNot(error), { cause: error });
}

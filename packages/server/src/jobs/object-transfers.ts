import { ApiError } from '@banata/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectTransferRow } from '../database/tables/lasting.ts';
import type { Logger } from '../logger.ts';
import { artifactEvent } from '../services/artifacts/artifact-view.ts';
import type { StoreHealth } from '../services/artifacts/store-health.ts';
import { ObjectMissingError, type ObjectStore } from '../stores/objects/object-store.ts';
import type { TransferStore } from '../stores/transfer-store.ts';

const POLL_MS = 2_000;
const AT_ONCE = 2;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** An upload that takes longer is begun anew: at 8 GiB that is less than 2.5 MB/s. */
const UPLOAD_TIMEOUT_MS = 60 * 60_000;

export interface ObjectTransfersDeps {
  transfers: TransferStore;
  objects: ObjectStore;
  spool: ObjectStore | undefined;
  health: StoreHealth;
  logger: Logger;
  now: () => number;
}

/**
 * Carries contents from this server's spool to the object store, and deletes what nothing refers to. What fails is
 * tried again until it is done.
 */
export class ObjectTransfers {
  readonly #deps: ObjectTransfersDeps;
  readonly #running = new Map<string, Promise<void>>();
  #wake: (() => void) | undefined;

  constructor(deps: ObjectTransfersDeps) {
    this.#deps = deps;
  }

  /** Says that there may be something to do. */
  kick(): void {
    this.#wake?.();
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Begun before the look at what is due, so that no kick in between is missed.
      const idle = this.#idle(signal);
      await this.#start(signal).catch((error: unknown) => {
        if (!signal.aborted)
          this.#deps.logger.error(
            { event: 'object-transfers.failed', err: error },
            'object transfers failed',
          );
      });
      await idle;
    }
    await Promise.all(this.#running.values());
  }

  /** Removes from the spool what no transfer is about: a server ended between the two. */
  async sweepSpool(): Promise<void> {
    const { spool, transfers } = this.#deps;
    if (!spool) return;
    for (let cursor: string | undefined; ;) {
      const found = await spool.list('', cursor === undefined ? {} : { cursor });
      for (const { key } of found.items) {
        const wanted = (await transfers.has(key, 'upload')) || (await transfers.has(key, 'delete'));
        if (!wanted) await spool.delete(key);
      }
      if (found.cursor === undefined) return;
      ({ cursor } = found);
    }
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { transfers, health, now } = this.#deps;
    if (!health.up) return;
    const rows = await transfers.due(now(), AT_ONCE + this.#running.size);
    for (const row of rows) {
      const name = `${row.kind} ${row.object_key}`;
      if (this.#running.has(name) || this.#running.size >= AT_ONCE) continue;
      const done = this.#carry(row, signal).finally(() => {
        this.#running.delete(name);
        this.kick();
      });
      this.#running.set(name, done);
    }
  }

  /** Never rejects. */
  async #carry(row: ObjectTransferRow, signal: AbortSignal): Promise<void> {
    const { transfers, health, logger, now } = this.#deps;
    try {
      await (row.kind === 'upload' ? this.#upload(row, signal) : this.#delete(row));
    } catch (error) {
      if (signal.aborted) return;
      logger.warn(
        { event: 'object-transfer.failed', kind: row.kind, attempts: row.attempts + 1, err: error },
        'an object transfer failed; it is tried again',
      );
      const message = error instanceof Error ? error.message : String(error);
      await Promise.allSettled([
        transfers.postpone(row, message, now() + retryDelay(row.attempts)),
        error instanceof ApiError && error.code === 'STORE_UNAVAILABLE' ? health.check() : undefined,
      ]);
    }
  }

  async #upload(row: ObjectTransferRow, signal: AbortSignal): Promise<void> {
    const { transfers, objects, spool, logger, now } = this.#deps;
    if (!spool) throw new Error('BANATA_S3_BUCKET was taken away while contents waited for it');
    // Replaced or deleted in the meantime: the deletion takes it from the spool.
    if (await transfers.has(row.object_key, 'delete')) return transfers.finish(row);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(UPLOAD_TIMEOUT_MS)]);
    const source = await spool.get(row.object_key).catch((error: unknown) => {
      if (error instanceof ObjectMissingError) return undefined;
      throw error;
    });
    const { sha256 } = source
      ? await objects.put(row.object_key, source.body, {
          size: source.size,
          signal: limit,
          ...(row.content_type !== null && { contentType: row.content_type }),
        })
      : { sha256: null };
    const whole = sha256 === row.sha256;
    if (!whole)
      logger.error(
        { event: 'object-transfer.lost', objectKey: row.object_key, missing: !source },
        'a content that waited for the object store is missing or damaged',
      );
    const state = whole ? 'stored' : 'failed';
    await transfers.finishUpload(row, state, (artifact) => artifactEvent(state, artifact), now());
    await spool.delete(row.object_key);
  }

  async #delete(row: ObjectTransferRow): Promise<void> {
    const { transfers, objects, spool, now } = this.#deps;
    // The upload of the same object sees the deletion and ends; then it is the deletion's turn.
    if (await transfers.has(row.object_key, 'upload')) {
      await transfers.postpone(row, 'the upload of the same object ends first', now() + FIRST_RETRY_MS);
      return;
    }
    await spool?.delete(row.object_key);
    await objects.delete(row.object_key);
    await transfers.finish(row);
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    this.#wake = () => end.abort();
    await sleep(POLL_MS, undefined, { signal: AbortSignal.any([signal, end.signal]) }).catch(() => undefined);
  }
}

/** Doubles from a second to a minute, with a fifth of chance. */
function retryDelay(attempts: number): number {
  const delay = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 10), MAX_RETRY_MS);
  return Math.round(delay * (0.9 + Math.random() * 0.2));
}

import type { Config } from '@banata/config';
import { ApiError } from '@banata/protocol';
import { DriverError, type SandboxDriver } from '@banata/drivers';
import { Waker } from '../../database/notifications.ts';
import type { CheckpointRow } from '../../database/tables/lasting.ts';
import type { Logger } from '../../logger.ts';
import type { CheckpointStore } from '../../stores/checkpoint-store.ts';
import type { ObjectStore } from '../../stores/objects/object-store.ts';
import { requireDiskSpace } from '../host-disk.ts';
import type { ArtifactService } from '../artifacts.ts';
import { checkpointListing } from './checkpoint-listing.ts';
import { objectKeyOf } from './checkpoint-view.ts';

const POLL_MS = 5_000;
/** One upload takes no longer; what hangs is begun anew. */
const UPLOAD_LIMIT_MS = 2 * 60 * 60_000;
const RETRY_MS = { first: 1_000, most: 5 * 60_000 };

export interface CheckpointUploaderDeps {
  checkpoints: CheckpointStore;
  objects: ObjectStore;
  artifacts: Pick<ArtifactService, 'listing'>;
  driver: SandboxDriver;
  config: Pick<Config, 'home'>;
  serverId: string;
  logger: Logger;
  now: () => number;
}

/**
 * Puts checkpoints that are on the server's disk into the object store, one at a time, again until it succeeds. The key
 * follows from the checkpoint, so that an upload that is begun anew replaces what the one before may have left.
 */
export class CheckpointUploader {
  readonly #deps: CheckpointUploaderDeps;
  readonly #waker = new Waker();

  constructor(deps: CheckpointUploaderDeps) {
    this.#deps = deps;
  }

  /** There is something new. */
  wake(): void {
    this.#waker.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.uploadDue(signal);
      } catch (error) {
        if (!signal.aborted)
          this.#deps.logger.error(
            { event: 'checkpoint.uploads_failed', err: error },
            'checkpoints are not uploaded',
          );
      }
      await this.#waker.wait(POLL_MS, signal);
    }
  }

  async uploadDue(signal: AbortSignal): Promise<void> {
    const { checkpoints, serverId, now } = this.#deps;
    if (!this.#deps.driver.checkpoints) return;
    for (const row of await checkpoints.listDue(serverId, now())) {
      if (signal.aborted) return;
      await this.#upload(row, signal);
    }
  }

  async #upload(row: CheckpointRow, stop: AbortSignal): Promise<void> {
    const { checkpoints, objects, artifacts, driver, config, serverId, logger, now } = this.#deps;
    const startedAt = now();
    const lease = { lease_owner: serverId, lease_until: startedAt + UPLOAD_LIMIT_MS };
    const claimed = await checkpoints.change(row.id, ['local', 'uploading'], {
      set: { state: 'uploading', ...lease },
      now: startedAt,
    });
    if (!claimed || !driver.checkpoints) return;
    const signal = AbortSignal.any([stop, AbortSignal.timeout(UPLOAD_LIMIT_MS)]);
    const key = objectKeyOf(row);
    try {
      await requireDiskSpace(config.home);
      const body = driver.checkpoints.export(row.id, signal);
      const { size, sha256 } = await objects.put(key, body, { contentType: 'application/zstd', signal });
      const storedAt = now();
      const stored = await checkpoints.change(row.id, ['uploading'], {
        set: {
          state: 'stored',
          stored_size: size,
          sha256,
          stored_at: storedAt,
          reason: null,
          lease_owner: null,
          lease_until: 0,
        },
        events: [
          {
            type: 'sandbox.checkpoint.stored',
            data: { checkpointId: row.id, storedSize: size, sha256 },
          },
        ],
        listing: await checkpointListing(artifacts, row, { size, sha256 }),
        now: storedAt,
      });
      // Deleted meanwhile: whoever deletes may have come before there was an object.
      if (!stored) await objects.delete(key);
      logger.info(
        { event: 'checkpoint.stored', checkpointId: row.id, size, durationMs: storedAt - startedAt },
        'checkpoint is in the object store',
      );
    } catch (error) {
      // A server that stops leaves it to the next one.
      if (!stop.aborted) await this.#putOff(row, error);
    }
  }

  async #putOff(row: CheckpointRow, error: unknown): Promise<void> {
    const { checkpoints, logger, now } = this.#deps;
    const pauseMs = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** row.attempts) * (1 + Math.random() / 4);
    logger.warn(
      { event: 'checkpoint.upload_failed', checkpointId: row.id, attempts: row.attempts + 1, err: error },
      'a checkpoint could not be uploaded; it is tried again',
    );
    await checkpoints.change(row.id, ['uploading'], {
      set: {
        state: 'local',
        attempts: row.attempts + 1,
        next_attempt_at: Math.round(now() + pauseMs),
        reason: reasonOf(error),
        lease_owner: null,
        lease_until: 0,
      },
      now: now(),
    });
  }
}

/** In words for the owner of the sandbox, who can do something about what its disk holds. */
function reasonOf(error: unknown): string {
  const theirs = error instanceof DriverError && error.code === 'CONTENTS_REFUSED';
  if (theirs || error instanceof ApiError) return error.message;
  return 'The upload failed; the server log has the details.';
}

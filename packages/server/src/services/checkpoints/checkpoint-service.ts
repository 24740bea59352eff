import { ApiError, newId, type Checkpoint, type ForkSandbox, type SandboxSession } from '@banata/protocol';
import { DriverError, type BoxCheckpoints, type SandboxDriver } from '@banata/drivers';
import type { Config } from '@banata/config';
import { Readable } from 'node:stream';
import type { Boxes } from '../../boxes/boxes.ts';
import type { CheckpointRow } from '../../database/tables/lasting.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { CheckpointStore } from '../../stores/checkpoint-store.ts';
import type { ObjectListing } from '../../stores/artifact-store.ts';
import type { NewEvent } from '../../stores/event-store.ts';
import type { ObjectStore } from '../../stores/objects/object-store.ts';
import { storableJson, storableText } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import { requireDiskSpace } from '../host-disk.ts';
import type { Reservation } from '../limits/idempotency.ts';
import { failureReason } from '../sandboxes/failure-reason.ts';
import type { Returner } from '../sandboxes/returner.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';
import { takesWork } from '../sandboxes/status.ts';
import type { ArtifactService } from '../artifacts.ts';
import type { CheckpointContents } from './checkpoint-contents.ts';
import { checkpointListing, withdrawnListing } from './checkpoint-listing.ts';
import { objectKeyOf, toCheckpoint } from './checkpoint-view.ts';

/** An archive that is not packed after this long is given up. */
const ARCHIVE_LIMIT_MS = 30 * 60_000;
/** A box packs large files in the time it takes to read them. */
const ARCHIVE_STALL_MS = 120_000;
/** Packed files are seldom longer than what they hold; more than this over the disk's limit is not believed. */
const ARCHIVE_SLACK_BYTES = 256 * 1024 ** 2;
const RESTORE_LIMIT_MS = 30 * 60_000;

export interface CheckpointServiceDeps {
  sandboxes: SandboxService;
  checkpoints: CheckpointStore;
  objects: ObjectStore;
  artifacts: Pick<ArtifactService, 'listing'>;
  contents: CheckpointContents;
  returner: Returner;
  driver: SandboxDriver;
  boxes: Boxes;
  config: Pick<Config, 'home' | 'limits' | 'checkpoints'>;
  serverId: string;
  /** Told that there is something to upload, or one checkpoint too many. */
  onCreated: () => void;
  logger: Logger;
  now: () => number;
}

/** Keeping the files of sandboxes, and going back to them. */
export class CheckpointService {
  readonly #deps: CheckpointServiceDeps;
  readonly #creating = new Set<string>();

  constructor(deps: CheckpointServiceDeps) {
    this.#deps = deps;
  }

  /** Whether this server is making the checkpoint now. */
  isCreating(id: string): boolean {
    return this.#creating.has(id);
  }

  /**
   * Resolves when the checkpoint is whole.
   * @param reservation id for it, where the request may be a repeated one.
   * @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY, CHECKPOINTS_DISABLED, CAPACITY_EXHAUSTED, STORE_UNAVAILABLE.
   */
  async create(
    caller: Caller,
    asked: { id: string; name?: string | undefined; metadata?: Record<string, string> | undefined },
    reservation?: Reservation,
  ): Promise<Checkpoint> {
    const { checkpoints, sandboxes } = this.#deps;
    const made = reservation?.resumed ? await checkpoints.find(reservation.id, asked.id) : undefined;
    // What an interrupted request left half-done is settled by the keeper.
    if (made && made.state !== 'creating') return toCheckpoint(made);
    if (made) throw new ApiError('CHECKPOINT_NOT_READY');
    const sandbox = await sandboxes.find(caller, asked.id);
    const snapshots = this.#snapshots();
    requireRestable(sandbox, snapshots !== undefined);
    const id = reservation?.id ?? newId();
    this.#creating.add(id);
    try {
      await checkpoints.insert(
        this.#newRow(sandbox, asked, { id, format: snapshots ? 'snapshot' : 'archive' }),
      );
      return toCheckpoint(await this.#make(sandbox, id, snapshots));
    } finally {
      this.#creating.delete(id);
    }
  }

  /** The driver's way to copy disks; undefined where it has none, or the settings say to do without. */
  #snapshots(): BoxCheckpoints | undefined {
    return this.#deps.config.checkpoints.method === 'archive' ? undefined : this.#deps.driver.checkpoints;
  }

  #newRow(
    sandbox: SandboxRow,
    { name, metadata }: { name?: string | undefined; metadata?: Record<string, string> | undefined },
    { id, format }: Pick<CheckpointRow, 'id' | 'format'>,
  ) {
    const createdAt = this.#deps.now();
    return {
      id,
      format,
      organization_id: sandbox.organization_id,
      sandbox_id: sandbox.id,
      name: name === undefined ? null : storableText(name),
      metadata: storableJson(metadata ?? {}),
      state: 'creating' as const,
      lease_owner: this.#deps.serverId,
      lease_until: createdAt + ARCHIVE_LIMIT_MS,
      created_at: createdAt,
      used_at: createdAt,
    };
  }

  async #make(
    sandbox: SandboxRow,
    id: string,
    snapshots: BoxCheckpoints | undefined,
  ): Promise<CheckpointRow> {
    const startedAt = this.#deps.now();
    try {
      const row = snapshots
        ? await this.finish(id, (await snapshots.create(sandbox.box_id ?? '', id)).bytes)
        : await this.#archive(sandbox, id);
      if (!row)
        throw new ApiError('CHECKPOINT_NOT_FOUND', 'The checkpoint was deleted while it was being made.');
      this.#deps.logger.info(
        {
          event: 'checkpoint.created',
          sandboxId: sandbox.id,
          checkpointId: id,
          format: row.format,
          size: row.size,
          durationMs: this.#deps.now() - startedAt,
        },
        'checkpoint created',
      );
      this.#deps.onCreated();
      return row;
    } catch (error) {
      const known = toApiError(error);
      await this.fail(id, known.message);
      throw known;
    }
  }

  /** Records that the driver has a whole copy. */
  finish(id: string, size: number | null): Promise<CheckpointRow | undefined> {
    return this.#complete(id, { state: 'local', local: true, size });
  }

  async #complete(
    id: string,
    set: Partial<Pick<CheckpointRow, 'state' | 'local' | 'size' | 'stored_size' | 'sha256' | 'stored_at'>>,
    listing?: ObjectListing,
  ): Promise<CheckpointRow | undefined> {
    const { checkpoints, now } = this.#deps;
    const row = await checkpoints.find(id);
    const created: NewEvent = {
      type: 'sandbox.checkpoint.created',
      data: { checkpointId: id, name: row?.name ?? null, size: set.size ?? 0 },
    };
    const { sha256, stored_size: storedSize } = set;
    const stored: NewEvent[] =
      typeof sha256 === 'string' && typeof storedSize === 'number'
        ? [{ type: 'sandbox.checkpoint.stored', data: { checkpointId: id, storedSize, sha256 } }]
        : [];
    return checkpoints.change(id, ['creating'], {
      set: { ...set, lease_owner: null, lease_until: 0 },
      events: [created, ...stored],
      listing,
      now: now(),
    });
  }

  /** Records that there is nothing of a checkpoint. */
  async fail(id: string, reason: string): Promise<void> {
    const { checkpoints, now } = this.#deps;
    const text = storableText(reason);
    await checkpoints.change(id, ['creating', 'local', 'uploading'], {
      set: { state: 'failed', local: false, reason: text, lease_owner: null, lease_until: 0 },
      events: [
        { type: 'sandbox.checkpoint.failed', data: { checkpointId: id, step: 'create', reason: text } },
      ],
      now: now(),
    });
  }

  /** The way of every driver: the box packs its files, and they go straight into the object store. */
  async #archive(sandbox: SandboxRow, id: string): Promise<CheckpointRow | undefined> {
    const { boxes, objects, artifacts, config, now } = this.#deps;
    await requireDiskSpace(config.home);
    const signal = AbortSignal.timeout(ARCHIVE_LIMIT_MS);
    const reply = await boxes.stream(sandbox, {
      method: 'GET',
      path: '/archive',
      timeoutMs: ARCHIVE_STALL_MS,
      signal,
    });
    const key = objectKeyOf({ organization_id: sandbox.organization_id, id });
    const most = (sandbox.limits ?? config.limits).diskBytes + ARCHIVE_SLACK_BYTES;
    const body = Readable.from(bounded(reply.body, most), { objectMode: false });
    const { size, sha256 } = await objects.put(key, body, { contentType: 'application/zstd', signal });
    const checkpoint = { id, organization_id: sandbox.organization_id, sandbox_id: sandbox.id };
    const listing = await checkpointListing(artifacts, checkpoint, { size, sha256 });
    const set = { state: 'stored', size, stored_size: size, sha256, stored_at: now() } as const;
    return this.#complete(id, set, listing);
  }

  async list(
    caller: Caller,
    id: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ data: Checkpoint[]; nextCursor: string | null }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const { rows, nextCursor } = await this.#deps.checkpoints.list(sandbox.id, page);
    return { data: rows.map(toCheckpoint), nextCursor };
  }

  async get(caller: Caller, id: string, checkpointId: string): Promise<Checkpoint> {
    return toCheckpoint(await this.#find(await this.#deps.sandboxes.find(caller, id), checkpointId));
  }

  async #find(sandbox: SandboxRow, checkpointId: string): Promise<CheckpointRow> {
    const row = await this.#deps.checkpoints.find(checkpointId, sandbox.id);
    if (!row) throw new ApiError('CHECKPOINT_NOT_FOUND');
    return row;
  }

  /** @throws {ApiError} CHECKPOINT_NOT_READY while it is being made, or a sandbox from it. */
  async delete(caller: Caller, id: string, checkpointId: string): Promise<Checkpoint> {
    const row = await this.#find(await this.#deps.sandboxes.find(caller, id), checkpointId);
    if (!(await this.remove(row, 'request')))
      throw new ApiError('CHECKPOINT_NOT_READY', 'The checkpoint is being made, or a sandbox from it.');
    return toCheckpoint(row);
  }

  /** @returns false when it is in use. */
  async remove(row: CheckpointRow, cause: 'request' | 'count' | 'age'): Promise<boolean> {
    const event: NewEvent = { type: 'sandbox.checkpoint.deleted', data: { checkpointId: row.id, cause } };
    const { checkpoints, now } = this.#deps;
    const withdrawn = withdrawnListing(row);
    const marked = await checkpoints.markDeleted(row.id, { event, withdrawn, now: now() });
    if (marked) this.#deps.onCreated();
    return marked !== undefined;
  }

  /**
   * Puts a sandbox back to one of its checkpoints; resolves when it is ready.
   * @throws {ApiError} CHECKPOINT_NOT_FOUND, CHECKPOINT_NOT_READY, CHECKPOINT_DAMAGED, SANDBOX_NOT_READY, RESTORE_FAILED.
   */
  async restore(caller: Caller, id: string, checkpointId: string): Promise<SandboxSession> {
    const { sandboxes, contents, returner } = this.#deps;
    const sandbox = await sandboxes.findWorking(caller, id);
    const row = await this.#find(sandbox, checkpointId);
    await contents.ensure(row, AbortSignal.timeout(RESTORE_LIMIT_MS));
    await returner.restore(sandbox, row.id);
    return sandboxes.get(caller, id);
  }

  /**
   * Makes another sandbox from a checkpoint.
   * @param options.waitMs how long to wait for it to be ready.
   * @throws {ApiError} what {@link SandboxService.create} throws, and CHECKPOINT_NOT_FOUND, CHECKPOINT_NOT_READY.
   */
  async fork(
    caller: Caller,
    asked: ForkSandbox,
    options: { reservation?: Reservation | undefined; waitMs: number; signal: AbortSignal },
  ): Promise<SandboxSession> {
    const { sandboxes, contents } = this.#deps;
    const { id, checkpointId, ...wanted } = asked;
    const { reservation, waitMs, signal } = options;
    if (reservation?.resumed) {
      const made = await sandboxes.get(caller, reservation.id).catch(() => undefined);
      if (made) return made;
    }
    const source = await sandboxes.find(caller, id);
    const from = checkpointId ?? (await this.create(caller, { id, name: 'fork' })).id;
    const row = await this.#find(source, from);
    await contents.ensure(row, AbortSignal.timeout(RESTORE_LIMIT_MS));
    const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
    const input = { ...sandboxes.inputOf(source), ...Object.fromEntries(given) };
    return waitMs === 0
      ? sandboxes.create(caller, input, reservation, row.id)
      : sandboxes.createAndWait(caller, input, { reservation, checkpointId: row.id, waitMs, signal });
  }
}

async function* bounded(body: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > most) throw new ApiError('PAYLOAD_TOO_LARGE', 'The sandbox packed more than its disk holds.');
    yield chunk;
  }
}

/** @throws {ApiError} CHECKPOINTS_DISABLED, SANDBOX_NOT_READY. */
function requireRestable({ capabilities, status }: SandboxRow, snapshots: boolean): void {
  if (capabilities?.storage?.workspace === 'ephemeral') throw new ApiError('CHECKPOINTS_DISABLED');
  // A disk can be copied while its programs stand still; packing takes a box that answers.
  if (takesWork(status) || (snapshots && status === 'paused')) return;
  throw new ApiError('SANDBOX_NOT_READY', undefined, { details: { status } });
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DriverError && error.code === 'CAPACITY_EXHAUSTED')
    return new ApiError('CAPACITY_EXHAUSTED', error.message, { cause: error });
  const reason = failureReason(error, 'Making the checkpoint', ARCHIVE_LIMIT_MS);
  return new ApiError('INTERNAL', reason, { cause: error });
}

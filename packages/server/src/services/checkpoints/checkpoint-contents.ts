import { ApiError } from '@banata/protocol';
import { DriverError, type SandboxDriver } from '@banata/drivers';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Boxes } from '../../boxes/boxes.ts';
import type { CheckpointRow } from '../../database/tables/lasting.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import { isWhole, type CheckpointStore } from '../../stores/checkpoint-store.ts';
import { ObjectMissingError, type ObjectStore } from '../../stores/objects/object-store.ts';
import type { BoxContents } from '../sandboxes/provisioner.ts';
import { objectKeyOf } from './checkpoint-view.ts';

/** Longest time for the next piece of an archive on its way into a box. */
const STALL_MS = 120_000;

/** From the time a copy is there until a box has begun with it. */
const WANTED_MS = 30_000;

export interface CheckpointContentsDeps {
  checkpoints: CheckpointStore;
  objects: ObjectStore;
  driver: SandboxDriver;
  boxes: Boxes;
  logger: Logger;
  now: () => number;
}

/** The contents of checkpoints, for boxes that are to begin with them. */
export class CheckpointContents {
  readonly #deps: CheckpointContentsDeps;
  /** Contents on their way from the object store to the driver, by checkpoint. */
  readonly #coming = new Map<string, Promise<void>>();
  /** Until when a box may be about to begin with a checkpoint. */
  readonly #wanted = new Map<string, number>();
  /** Copies that are being taken off the host, by checkpoint. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(deps: CheckpointContentsDeps) {
    this.#deps = deps;
  }

  /**
   * Sees to it that a checkpoint can be restored at once.
   * @throws {ApiError} CHECKPOINT_NOT_READY, CHECKPOINT_DAMAGED, STORE_UNAVAILABLE, CAPACITY_EXHAUSTED.
   */
  async ensure(row: CheckpointRow, signal: AbortSignal): Promise<void> {
    if (!isWhole(row)) throw new ApiError('CHECKPOINT_NOT_READY', `The checkpoint is ${row.state}.`);
    if (row.format === 'archive') {
      await this.#deps.checkpoints.touch(row.id, this.#deps.now());
      return;
    }
    // Said before anything is waited for: from here on the copy stays, or has begun to leave.
    this.#wanted.set(row.id, this.#deps.now() + WANTED_MS);
    await this.#leaving.get(row.id)?.catch(() => undefined);
    await this.#deps.checkpoints.touch(row.id, this.#deps.now());
    const { local } = (await this.#deps.checkpoints.find(row.id)) ?? row;
    if (local) return;
    const coming =
      this.#coming.get(row.id) ?? this.#fetch(row, signal).finally(() => this.#coming.delete(row.id));
    this.#coming.set(row.id, coming);
    await coming;
    this.#wanted.set(row.id, this.#deps.now() + WANTED_MS);
  }

  /** Takes the copy of a checkpoint off the host, unless a box is about to begin with it. */
  async release(id: string): Promise<void> {
    if (this.#isWanted(id)) return;
    const going = this.#remove(id).finally(() => this.#leaving.delete(id));
    this.#leaving.set(id, going);
    await going;
  }

  async #remove(id: string): Promise<void> {
    await this.#deps.checkpoints.setLocal(id, false);
    await this.#deps.driver.checkpoints?.delete(id);
  }

  #isWanted(id: string): boolean {
    for (const [wanted, until] of this.#wanted) if (until < this.#deps.now()) this.#wanted.delete(wanted);
    return this.#wanted.has(id) || this.#coming.has(id);
  }

  /** Whether the contents of a checkpoint are being brought to the driver. */
  isComing(id: string): boolean {
    return this.#coming.has(id);
  }

  async #fetch(row: CheckpointRow, signal: AbortSignal): Promise<void> {
    const { driver, checkpoints } = this.#deps;
    if (!driver.checkpoints)
      throw new ApiError('NOT_SUPPORTED', 'This server’s driver cannot restore this checkpoint.');
    try {
      await driver.checkpoints.import(row.id, await this.#open(row, signal), signal);
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      if (error.cause instanceof ApiError) throw error.cause;
      if (error.code === 'CONTENTS_REFUSED')
        throw new ApiError('CHECKPOINT_DAMAGED', undefined, { cause: error });
      if (error.code === 'CAPACITY_EXHAUSTED')
        throw new ApiError('CAPACITY_EXHAUSTED', error.message, { cause: error });
      throw error;
    }
    await checkpoints.setLocal(row.id, true);
  }

  /** The stored contents; the stream fails at its end where they are not what was stored. */
  async #open(row: CheckpointRow, signal: AbortSignal): Promise<Readable> {
    try {
      const { body } = await this.#deps.objects.get(objectKeyOf(row), { signal });
      return Readable.from(checked(body, row), { objectMode: false });
    } catch (cause) {
      if (!(cause instanceof ObjectMissingError)) throw cause;
      throw new ApiError(
        'CHECKPOINT_DAMAGED',
        'The object store holds nothing of this checkpoint any more.',
        {
          cause,
        },
      );
    }
  }

  /** What the box of a sandbox begins with; undefined for one that is to be empty. */
  async of(sandbox: SandboxRow, signal: AbortSignal): Promise<BoxContents | undefined> {
    if (sandbox.checkpoint_id === null) return undefined;
    const row = await this.#deps.checkpoints.find(sandbox.checkpoint_id);
    if (!row) throw new ApiError('CHECKPOINT_NOT_FOUND');
    await this.ensure(row, signal);
    if (row.format === 'snapshot') return { request: { from: row.id } };
    return { fill: (box, inner) => this.#fill(box, row, inner) };
  }

  async #fill(sandbox: SandboxRow, row: CheckpointRow, signal: AbortSignal): Promise<void> {
    const body = await this.#open(row, signal);
    try {
      const reply = await this.#deps.boxes.stream(sandbox, {
        method: 'PUT',
        path: '/archive',
        body,
        timeoutMs: STALL_MS,
        signal,
      });
      await reply.body.dump();
    } finally {
      body.destroy();
    }
  }
}

async function* checked(
  body: Readable,
  { size, stored_size: expected, sha256 }: CheckpointRow,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (expected !== null && bytes > expected) break;
    hash.update(chunk);
    yield chunk;
  }
  if (bytes === (expected ?? size) && hash.digest('hex') === sha256) return;
  throw new ApiError('CHECKPOINT_DAMAGED');
}

import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { DriverError } from '../driver.ts';
import type { BoxHost } from './box-host.ts';
import { NO_SLOT } from './box-record.ts';
import type { BoxRecord } from './box-record.ts';
import type { Cgroups } from './cgroups.ts';
import type { DiskCopies } from './disk-copies.ts';
import { makeFolder, namesIn } from './files.ts';
import { layersOfDisk } from './image-note.ts';
import type { Logger } from './logger.ts';
import type { Pool } from './pool.ts';
import type { Runtimes } from './runtimes.ts';
import type { PreparedSlot, SlotPool } from './slot-pool.ts';

/** Browsers and databases write out what they have when they are asked to end. */
const END_TIMEOUT_MS = 5_000;
/** Ending of a memory that is not whole yet, or that was used. */
const DRAFT = '.draft';

export interface BoxRestsOptions {
  boxes: BoxHost;
  slots: SlotPool;
  pool: Pool;
  copies: DiskCopies;
  cgroups: Cgroups;
  runtimes: Runtimes;
  imageLayers: string[];
  /** Folder for the memory of stored boxes. */
  memories: string;
  logger: Logger;
}

/** A box that runs again. */
export interface WokenBox {
  record: BoxRecord;
  programsKept: boolean;
}

/**
 * Puts boxes to rest and wakes them. A box at rest is frozen, with its memory where it was, or stored: only its disk is
 * left, and with gVisor its memory beside that.
 */
export class BoxRests {
  readonly #options: BoxRestsOptions;

  constructor(options: BoxRestsOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await makeFolder(this.#options.memories, 0o700);
  }

  #memory(name: string): string {
    return path.join(this.#options.memories, name);
  }

  async freeze({ name, isolation }: BoxRecord): Promise<void> {
    const { cgroups } = this.#options;
    if (await cgroups.isFrozen(name)) return;
    await this.flush({ name, isolation });
    await cgroups.freeze(name, true);
  }

  /** gVisor keeps a part of what was written to files to itself; a box that does not answer must not hold us up. */
  async flush({ name, isolation }: Pick<BoxRecord, 'name' | 'isolation'>): Promise<void> {
    const { runtimes, logger, cgroups } = this.#options;
    if (isolation !== 'gvisor' || (await cgroups.isFrozen(name))) return;
    await runtimes
      .get(isolation)
      .sync(name)
      .catch((error: unknown) => logger.warn({ err: error, box: name }, 'a box did not write out its files'));
  }

  async thaw({ name }: BoxRecord): Promise<void> {
    const { cgroups } = this.#options;
    if (await cgroups.isFrozen(name)) await cgroups.freeze(name, false);
  }

  /** @returns the record of the stored box. Memory first, record second, processes last, so that a crash loses nothing. */
  async store(record: BoxRecord): Promise<BoxRecord> {
    const { boxes, pool, runtimes, cgroups } = this.#options;
    if (record.state === 'stored') return record;
    if (await boxes.isAlive(record)) {
      // One that was resumed meanwhile is in use.
      if (!(await cgroups.isFrozen(record.name)))
        throw new DriverError('DRIVER_FAILURE', 'The box runs; only a frozen one can be stored.');
      await pool.checkRoom();
      if (runtimes.get(record.isolation).keepsMemory) await this.#storeMemory(record);
      else await this.#endGently(record);
    }
    await this.#adoptDraft(record.name);
    return await boxes.putDown(record);
  }

  async #storeMemory(record: BoxRecord): Promise<void> {
    const { runtimes } = this.#options;
    const draft = `${this.#memory(record.name)}${DRAFT}`;
    await rm(draft, { recursive: true, force: true });
    await makeFolder(draft, 0o700);
    try {
      await this.thaw(record);
      await runtimes.get(record.isolation).storeMemory(record.name, draft);
    } catch (error) {
      // Some programs cannot be put on disk, such as one with a file open that was deleted; a failed try may end the box.
      await rm(draft, { recursive: true, force: true });
      this.#options.logger.warn({ err: error, box: record.name }, 'the memory of a box could not be kept');
      await this.#endGently(record);
    }
  }

  /** A memory that was written when its container had ended: the server that asked for it may be dead by now. */
  async #adoptDraft(name: string): Promise<void> {
    const draft = `${this.#memory(name)}${DRAFT}`;
    if (!(await namesIn(draft)).includes('checkpoint.img')) return;
    await rm(this.#memory(name), { recursive: true, force: true });
    await rename(draft, this.#memory(name));
  }

  async #endGently(record: BoxRecord): Promise<void> {
    const { boxes, runtimes, logger } = this.#options;
    if (!(await boxes.isAlive(record))) return;
    await this.thaw(record);
    await runtimes
      .get(record.isolation)
      .terminate(record.name)
      .catch((error: unknown) => logger.warn({ err: error, box: record.name }, 'a box was not asked to end'));
    const deadline = Date.now() + END_TIMEOUT_MS;
    while (Date.now() < deadline && (await boxes.isAlive(record))) await delay(20);
  }

  /**
   * @throws {@link DriverError} when it cannot be started; it is stored then as before, though without its memory where
   * it had got so far as to run.
   */
  async wake(record: BoxRecord, signal: AbortSignal): Promise<WokenBox> {
    const { boxes } = this.#options;
    if (await boxes.isAlive(record)) {
      await this.thaw(record);
      await boxes.waitForDaemon(record, signal);
      return { record, programsKept: true };
    }
    const stored = await this.store(record);
    const memory = this.#memory(stored.name);
    if ((await namesIn(memory)).length > 0) {
      // Used once: disk and memory of a box belong together, and the disk goes on.
      const used = `${memory}.used`;
      await rm(used, { recursive: true, force: true });
      await rename(memory, used);
      try {
        return { record: await this.#restart(stored, signal, used), programsKept: true };
      } catch (error) {
        if (signal.aborted) throw error;
        this.#options.logger.warn({ err: error, box: stored.name }, 'a box could not go on from its memory');
      } finally {
        await rm(used, { recursive: true, force: true });
      }
    }
    return { record: await this.#restart(stored, signal), programsKept: false };
  }

  async #restart(stored: BoxRecord, signal: AbortSignal, memory?: string): Promise<BoxRecord> {
    const { boxes, slots, pool, copies, imageLayers } = this.#options;
    const disk = pool.diskPath(stored.name);
    const layers = await layersOfDisk(disk, imageLayers);
    if (!layers) {
      throw new DriverError(
        'BOX_START_FAILED',
        'The image that this box was made on is gone from the host, and its system layer fits no other.',
      );
    }
    await copies.renew(disk);
    const slot = await this.#takePlace(slots, pool);
    try {
      return await boxes.restart({ ...stored, layers }, slot, {
        signal,
        ...(memory !== undefined && { memory }),
      });
    } catch (error) {
      const { slot: number, address } = slot.place;
      await boxes.putDown({ ...stored, slot: number, address });
      throw error;
    } finally {
      slots.refill();
    }
  }

  /** A slot without the disk that was prepared for it. */
  async #takePlace(slots: SlotPool, pool: Pool): Promise<PreparedSlot> {
    const slot = await slots.take();
    await pool.deleteDisk(slot.name);
    return slot;
  }

  /**
   * What becomes of a box that an earlier run was waking: it goes on when it came up, and is at rest again otherwise.
   */
  async takeOver(record: BoxRecord): Promise<BoxRecord> {
    const { boxes } = this.#options;
    const process = await boxes.startedProcess(record.name);
    if (process) return { ...record, state: 'assigned', process };
    return await boxes.putDown(record);
  }

  /** Frees the memory of boxes that are gone. */
  async forget(name: string): Promise<void> {
    for (const ending of ['', DRAFT, '.used']) {
      await rm(`${this.#memory(name)}${ending}`, { recursive: true, force: true });
    }
  }

  /** Removes the memory of all boxes but these. */
  async keepOnly(names: ReadonlySet<string>): Promise<void> {
    for (const entry of await namesIn(this.#options.memories)) {
      const [name = ''] = entry.split('.');
      if (!names.has(name) || entry.endsWith('.used')) {
        await rm(path.join(this.#options.memories, entry), { recursive: true, force: true });
      }
    }
  }
}

/** Whether a record says that its box has a slot on the host. */
export function hasSlot({ slot }: Pick<BoxRecord, 'slot'>): boolean {
  return slot !== NO_SLOT;
}

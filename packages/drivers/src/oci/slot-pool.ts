import { randomBytes } from 'node:crypto';

import { DriverError } from '../driver.ts';
import type { BoxLimits } from '../driver.ts';
import type { Logger } from './logger.ts';
import type { DiskFiles, Pool } from './pool.ts';
import type { SlotNamespaces, SlotPlace } from './slot.ts';

/** A slot with namespaces and an empty disk, ready for one box. */
export interface PreparedSlot {
  place: SlotPlace;
  /** Name of the box to come; its disk carries it already. */
  name: string;
  /** The limits that disk and network were prepared for. */
  limits: BoxLimits;
}

export interface SlotPoolOptions {
  namespaces: SlotNamespaces;
  pool: Pool;
  /** How many prepared slots to keep. */
  spare: number;
  /** How many slots there are. */
  capacity: number;
  defaultLimits: BoxLimits;
  diskFiles: DiskFiles;
  logger: Logger;
}

/** Hands out slots, and keeps some prepared so that a box need not wait for its namespaces and disk. */
export class SlotPool {
  readonly #options: SlotPoolOptions;
  readonly #used = new Set<number>();
  readonly #ready: PreparedSlot[] = [];
  /** Slots go round, so that an address is new to everybody who had connections to the box before. */
  #next = 0;
  #refill: Promise<void> | undefined;
  #closed = false;

  constructor(options: SlotPoolOptions) {
    this.#options = options;
  }

  /** Notes that a slot is in use by a box that was there before. */
  adopt(slot: number): void {
    this.#used.add(slot);
  }

  /** Numbers of all slots that are in use or prepared. */
  used(): ReadonlySet<number> {
    return this.#used;
  }

  /**
   * Takes a slot. The taker calls {@link refill} when its box runs: work on spare slots would slow that down.
   * @throws {@link DriverError} CAPACITY_EXHAUSTED when all are in use or the disks' pool is full.
   */
  async take(): Promise<PreparedSlot> {
    return this.#ready.shift() ?? (await this.#prepare());
  }

  async #prepare(): Promise<PreparedSlot> {
    const { namespaces, pool, defaultLimits, diskFiles } = this.#options;
    const slot = this.#reserve();
    const name = randomBytes(6).toString('hex');
    const { diskBytes, networkBitsPerSecond } = defaultLimits;
    const made = await Promise.allSettled([
      namespaces.make(slot, networkBitsPerSecond),
      pool.createDisk(name, diskBytes, diskFiles),
    ]);
    const [place, disk] = made;
    if (place.status === 'fulfilled' && disk.status === 'fulfilled')
      return { place: place.value, name, limits: defaultLimits };
    await this.release(slot, name);
    throw place.status === 'rejected' ? place.reason : (disk as PromiseRejectedResult).reason;
  }

  #reserve(): number {
    const { capacity } = this.#options;
    for (let tried = 0; tried < capacity; tried += 1) {
      const slot = this.#next;
      this.#next = (this.#next + 1) % capacity;
      if (this.#used.has(slot)) continue;
      this.#used.add(slot);
      return slot;
    }
    throw new DriverError(
      'CAPACITY_EXHAUSTED',
      `All ${capacity} boxes of this installation are in use. End some of them.`,
    );
  }

  /** Frees a slot with its namespaces and the disk of this name. */
  async release(slot: number, name: string): Promise<void> {
    const { namespaces, pool } = this.#options;
    await Promise.all([namespaces.remove(slot), pool.deleteDisk(name)]);
    this.#used.delete(slot);
  }

  /** Frees a slot without a disk of its own. */
  async releasePlace(slot: number): Promise<void> {
    await this.#options.namespaces.remove(slot);
    this.#used.delete(slot);
  }

  /** Starts to prepare slots in the background when too few are ready. */
  refill(): void {
    this.#refill ??= this.#fill().finally(() => {
      this.#refill = undefined;
    });
  }

  async #fill(): Promise<void> {
    const { spare, capacity, logger } = this.#options;
    try {
      while (!this.#closed && this.#ready.length < spare && this.#used.size < capacity) {
        this.#ready.push(await this.#prepare());
      }
    } catch (error) {
      // The next box that needs a slot tries again, and gets the error as its own.
      logger.error({ err: error }, 'no spare slot could be prepared');
    }
  }

  /** Waits until the spare slots are prepared, or cannot be. */
  async settled(): Promise<void> {
    await this.#refill;
  }

  /** Ends background work. Prepared slots stay until they are released or the next run removes them. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#refill;
  }

  /** Frees all prepared slots. */
  async drain(): Promise<void> {
    await this.close();
    for (let slot = this.#ready.shift(); slot; slot = this.#ready.shift()) {
      await this.release(slot.place.slot, slot.name);
    }
  }
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BoxLogger } from '../services.ts';
import { isDiskFull } from './disk-full.ts';

const RESERVE_BYTES = 1024 * 1024;
const PROBE_BYTES = 128 * 1024;
/** Boxes that live shorter need none. */
const FIRST_FILL_MS = 5000;
const REFILL_MS = 30_000;
const SYNC_TIMEOUT_MS = 20_000;

const run = promisify(execFile);

/**
 * A file that only takes up room, so that there is some for the daemon's own notes on a disk that programs filled. It
 * is made again when there is room again.
 */
export class DiskReserve {
  readonly #directory: string;
  readonly #logger: BoxLogger;
  #timer: NodeJS.Timeout | undefined;
  #pending: Promise<void> | undefined;
  #probes = 0;
  #stopped = false;
  #released = false;

  constructor(directory: string, logger: BoxLogger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  start(): void {
    this.#fillLater(FIRST_FILL_MS);
  }

  /** Takes the room, when it is not taken already. Never rejects. */
  async #fill(): Promise<void> {
    const path = join(this.#directory, 'reserve');
    const size = await stat(path).then(
      ({ size: bytes }) => bytes,
      () => 0,
    );
    if (size === RESERVE_BYTES) return;
    // Random, as a file system that compresses would keep zeros in no room at all.
    const result = await write(path, randomBytes(RESERVE_BYTES));
    if (result === 'written') {
      this.#released = false;
      return;
    }
    await rm(path, { force: true }).catch(() => undefined);
    this.#fillLater(REFILL_MS);
  }

  /** Gives the room away. Resolves when the file system counts it as free. */
  async release(): Promise<void> {
    this.#pending ??= this.#release().finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
  }

  /**
   * Whether the disk takes no more data, or only what the reserve gave away. Nothing reaches the disk: room is counted
   * when data is accepted.
   */
  async isFull(): Promise<boolean> {
    const path = join(this.#directory, `probe-${(this.#probes += 1)}`);
    const bytes = PROBE_BYTES + (this.#released ? RESERVE_BYTES : 0);
    const result = await write(path, randomBytes(bytes));
    await rm(path, { force: true }).catch(() => undefined);
    return result === 'full';
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #release(): Promise<void> {
    const removed = await rm(join(this.#directory, 'reserve')).then(
      () => true,
      () => false,
    );
    if (!removed) return;
    this.#released = true;
    // btrfs counts what was removed as free with its next transaction only.
    await run('sync', ['-f', this.#directory], { timeout: SYNC_TIMEOUT_MS }).catch((error: unknown) => {
      this.#logger.warn('disk.sync_failed', { error });
    });
    this.#fillLater(REFILL_MS);
  }

  #fillLater(delayMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#fillIfRoom(), delayMs).unref();
  }

  async #fillIfRoom(): Promise<void> {
    // Only into room to spare: taking the last of it would make the disk full again.
    if (await this.isFull()) this.#fillLater(REFILL_MS);
    else await this.#fill();
  }
}

async function write(path: string, data: Buffer): Promise<'written' | 'full' | 'failed'> {
  try {
    await writeFile(path, data, { mode: 0o600 });
    return 'written';
  } catch (error) {
    return isDiskFull(error) ? 'full' : 'failed';
  }
}

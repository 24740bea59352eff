import { readFileSync } from 'node:fs';
import { FileError } from './file-error.ts';

const MAX_WATCHES = 32;
const MAX_FOLDERS = 8192;
const MAX_NAMES = 200_000;
const QUEUE_FILE = '/proc/sys/fs/inotify/max_queued_events';
const DEFAULT_QUEUE = 16_384;

interface Amount {
  folders?: number;
  names?: number;
}

/** What all watches of the worker may take together, and whether the kernel may have dropped events of theirs. */
export class WatchBudget {
  readonly #queueLength = queueLength();
  readonly #losers = new Set<() => void>();
  #folders = 0;
  #names = 0;
  #events = 0;

  /** @param lose called when events may have been lost. */
  join(lose: () => void): void {
    if (this.#losers.size >= MAX_WATCHES) {
      throw new FileError(429, 'TOO_MANY_WATCHES', `${MAX_WATCHES} watches run already; end one first`);
    }
    this.#losers.add(lose);
  }

  leave(lose: () => void): void {
    this.#losers.delete(lose);
  }

  /** Throws a {@link FileError} 429 when there is no more. */
  take({ folders = 0, names = 0 }: Amount): void {
    if (this.#folders + folders > MAX_FOLDERS || this.#names + names > MAX_NAMES) throw this.refusal();
    this.#folders += folders;
    this.#names += names;
  }

  release({ folders = 0, names = 0 }: Amount): void {
    this.#folders -= folders;
    this.#names -= names;
  }

  refusal(): FileError {
    return new FileError(
      429,
      'TOO_MANY_WATCHES',
      `Watches take at most ${MAX_FOLDERS} folders with ${MAX_NAMES} entries together; watch a smaller folder`,
    );
  }

  /**
   * The kernel drops events when its queue is full, and libuv does not pass on that it did. All that wait in the queue
   * come in one turn of the event loop, so a turn with as many as the queue holds is one that may have lost some.
   */
  countEvent(): void {
    if (this.#events === 0) {
      setImmediate(() => {
        if (this.#events >= this.#queueLength) for (const lose of this.#losers) lose();
        this.#events = 0;
      });
    }
    this.#events += 1;
  }
}

function queueLength(): number {
  try {
    return Number(readFileSync(QUEUE_FILE, 'utf8')) || DEFAULT_QUEUE;
  } catch {
    // gVisor does not have it.
    return DEFAULT_QUEUE;
  }
}

import type { OutputFile } from './output-file.ts';

const INTERVAL_MS = 200;
/** What may lie in a nameless file between two looks at a background process that still writes to it. */
const LINGERING_BYTES = 1024 * 1024;

interface Lingering {
  files: readonly OutputFile[];
  /** Undefined: what the files keep at most. */
  limitBytes: number | undefined;
  alive: () => boolean;
}

/**
 * Keeps output files from filling the disk: those of running commands, and those that background processes
 * inherited, until the process group is gone. A process that left the group and still writes is bounded by the
 * box's disk alone.
 */
export class OutputGuard {
  readonly #running = new Set<readonly OutputFile[]>();
  readonly #lingering = new Set<Lingering>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  watch(files: readonly OutputFile[]): void {
    this.#running.add(files);
    this.#timer ??= setInterval(() => {
      this.#looking ??= this.#look();
    }, INTERVAL_MS).unref();
  }

  /**
   * Takes the files over from a command that has been answered, and closes them once nobody of its group is left.
   * `kept` files have a name and a reader.
   */
  release(files: readonly OutputFile[], kept: boolean, alive: () => boolean): void {
    this.#running.delete(files);
    const lingering = { files, limitBytes: kept ? undefined : LINGERING_BYTES, alive };
    if (alive()) this.#lingering.add(lingering);
    // Nobody waits for it, and it cannot fail in a way that anybody could do something about.
    else void closeAll(files);
    this.#rest();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#looking;
    const groups = [...this.#lingering].map(({ files }) => files);
    this.#lingering.clear();
    await Promise.all(groups.map(closeAll));
  }

  async #look(): Promise<void> {
    for (const files of this.#running) await enforceAll(files, undefined);
    for (const entry of this.#lingering) {
      if (entry.alive()) {
        await enforceAll(entry.files, entry.limitBytes);
      } else {
        this.#lingering.delete(entry);
        await closeAll(entry.files);
      }
    }
    this.#looking = undefined;
    this.#rest();
  }

  #rest(): void {
    if (this.#running.size + this.#lingering.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

async function enforceAll(files: readonly OutputFile[], limitBytes: number | undefined): Promise<void> {
  // A file may be closed by its command between two looks; there is nothing to bound then.
  await Promise.allSettled(files.map((file) => file.enforceLimit(limitBytes)));
}

async function closeAll(files: readonly OutputFile[]): Promise<void> {
  await Promise.allSettled(files.map((file) => file.close()));
}

import type { SandboxStore } from '../stores/sandbox-store.ts';

/** Work shorter than this does not make a sandbox `active`: a status change per command would only be noise. */
const ACTIVE_AFTER_MS = 1_000;
/** A sandbox with work under way counts as active this long from the last report, so a crash ends it soon. */
const ACTIVE_LEASE_MS = 10_000;

/**
 * What counts as activity: commands, code, file calls, input and CDP traffic of the browser, prompts and running tasks.
 * Kept in memory and written in batches by {@link ActivityService.flush}.
 */
export class ActivityService {
  readonly #store: SandboxStore;
  readonly #now: () => number;
  readonly #touched = new Map<string, number>();
  readonly #running = new Map<string, Set<{ since: number }>>();

  constructor(store: SandboxStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  touch(sandboxId: string): void {
    this.#touched.set(sandboxId, this.#now());
  }

  /** Work that takes a while began; call the result when it is over. */
  begin(sandboxId: string): () => void {
    this.touch(sandboxId);
    const entry = { since: this.#now() };
    const entries = this.#running.get(sandboxId) ?? new Set();
    entries.add(entry);
    this.#running.set(sandboxId, entries);
    return () => {
      this.touch(sandboxId);
      entries.delete(entry);
      if (entries.size === 0) this.#running.delete(sandboxId);
    };
  }

  /** Writes what happened since the last call. @returns sandboxes in which longer work is under way. */
  async flush(): Promise<string[]> {
    const now = this.#now();
    const active = [...this.#running]
      .filter(([, entries]) => [...entries].some(({ since }) => now - since >= ACTIVE_AFTER_MS))
      .map(([id]) => id);
    for (const id of this.#running.keys()) this.#touched.set(id, now);
    const entries = [...this.#touched].map(([id, at]) => ({
      id,
      at,
      activeUntil: active.includes(id) ? now + ACTIVE_LEASE_MS : 0,
    }));
    this.#touched.clear();
    try {
      await this.#store.touch(entries);
    } catch (error) {
      // Kept for the next call: activity that is forgotten would end a sandbox too early.
      for (const { id, at } of entries) this.#touched.set(id, Math.max(at, this.#touched.get(id) ?? 0));
      throw error;
    }
    return active;
  }
}

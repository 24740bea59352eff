import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { NewEvent } from '../../stores/event-store.ts';

/** From this share on programs are refused: a write wants room for what it may have to change beside its data. */
const FULL_SHARE = 0.97;
/** Below this share a disk has room again, and becoming full is told anew. */
const ROOM_SHARE = 0.9;

/**
 * Which sandboxes have a full disk, by the quota that the host keeps. The daemon in the box sees a full disk only in writes
 * that fail, and those of small files do while others still find room.
 */
export class FullDisks {
  readonly #full = new Set<string>();

  /**
   * Takes a reading of what a sandbox's disk holds.
   * @returns an event when it has become full since the last one.
   */
  look({ id, limits }: Pick<SandboxRow, 'id' | 'limits'>, storageBytes: number): NewEvent | undefined {
    if (limits === null) return undefined;
    const share = storageBytes / limits.diskBytes;
    if (share < ROOM_SHARE) this.#full.delete(id);
    if (share < FULL_SHARE || this.#full.has(id)) return undefined;
    this.#full.add(id);
    const detail = `The disk of the sandbox is full (${Math.floor(share * 100)} % of ${limits.diskBytes} bytes); remove files`;
    return { type: 'sandbox.limit.reached', data: { limit: 'disk', detail } };
  }

  /** Forgets the sandboxes that are not among these. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#full) if (!ids.has(id)) this.#full.delete(id);
  }
}

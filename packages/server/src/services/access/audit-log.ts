import type { AuditEntry } from '@banata/protocol';
import type { Logger } from '../../logger.ts';
import type { AuditStore } from '../../stores/audit-store.ts';

const MOST_AT_ONCE = 200;

interface Pending {
  organizationId: string;
  entry: AuditEntry;
}

/**
 * Who did what. An entry is in the database before the request is answered; entries that come while others are being
 * written are written together.
 */
export class AuditLog {
  readonly #store: AuditStore;
  readonly #logger: Logger;
  #pending: Pending[] = [];
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: AuditStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Resolves when the entry is stored. What was done stays done when that fails: the entry then goes to the log. */
  record(organizationId: string, entry: AuditEntry): Promise<void> {
    this.#pending.push({ organizationId, entry });
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#write(this.#pending.splice(0));
      return this.#writing;
    });
    return this.#next;
  }

  list(
    organizationId: string,
    options: Parameters<AuditStore['list']>[1],
  ): Promise<{ data: AuditEntry[]; nextCursor: string | null }> {
    return this.#store.list(organizationId, options);
  }

  async #write(entries: Pending[]): Promise<void> {
    for (let first = 0; first < entries.length; first += MOST_AT_ONCE) {
      const batch = entries.slice(first, first + MOST_AT_ONCE);
      try {
        await this.#store.append(batch);
      } catch (error) {
        for (const lost of batch)
          this.#logger.error({ event: 'audit.lost', err: error, ...lost }, 'audit entry could not be stored');
      }
    }
  }
}

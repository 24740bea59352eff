import type { Connection } from '@banata/protocol';
import type { Logger } from '../../logger.ts';

/** Rows kept of each sandbox; the oldest go. */
const KEPT_CONNECTIONS = 5_000;
/** New entries of one sandbox between two flushes. A box that scans the net would otherwise fill the database. */
const MAX_NEW_PER_FLUSH = 500;
const MAX_REMEMBERED = 10_000;
const MAX_TEXT = 260;

export type ConnectionStart = Pick<Connection, 'protocol' | 'host' | 'address' | 'port' | 'allowed' | 'rule'>;

/** A connection as it is noted. */
export interface LoggedConnection extends Omit<Connection, 'id'> {
  sandboxId: string;
}

/** What the log writes to. */
export interface ConnectionSink {
  /** @returns the ids of the rows, in order; undefined for those of sandboxes that are gone. */
  insert(entries: readonly LoggedConnection[]): Promise<(number | undefined)[]>;
  setBytes(rows: readonly { id: number; bytesSent: number; bytesReceived: number }[]): Promise<void>;
  /** Deletes all but the newest rows of a sandbox. */
  prune(sandboxId: string, keep: number): Promise<void>;
}

/** A connection that was noted and may go on. */
export interface OpenConnection {
  /** Bytes so far. */
  setBytes(sent: number, received: number): void;
  /** Its bytes change no more. */
  close(): void;
}

class Entry implements OpenConnection {
  readonly logged: LoggedConnection;
  id: number | undefined;
  isChanged = false;
  isOpen = true;

  constructor(logged: LoggedConnection) {
    this.logged = logged;
  }

  setBytes(sent: number, received: number): void {
    if (sent === this.logged.bytesSent && received === this.logged.bytesReceived) return;
    this.logged.bytesSent = sent;
    this.logged.bytesReceived = received;
    this.isChanged = true;
  }

  close(): void {
    this.isOpen = false;
  }
}

const NOT_NOTED: OpenConnection = { setBytes: () => undefined, close: () => undefined };

/** Notes connections in memory and writes them down in batches. */
export class ConnectionLog {
  readonly #sink: ConnectionSink;
  readonly #logger: Logger;
  readonly #now: () => number;
  #new: Entry[] = [];
  readonly #written = new Set<Entry>();
  readonly #newOf = new Map<string, number>();
  readonly #sincePrune = new Map<string, number>();
  /** Refused attempts since the last flush: programs repeat them, and one entry tells it. */
  readonly #refused = new Set<string>();
  #flushing: Promise<void> | undefined;

  constructor(sink: ConnectionSink, logger: Logger, now: () => number) {
    this.#sink = sink;
    this.#logger = logger;
    this.#now = now;
  }

  /** Notes a connection, or the attempt at one. Refused ones are complete with that, and repeats of them are left out. */
  open(sandboxId: string, start: ConnectionStart): OpenConnection {
    if (!start.allowed && this.#isRepeat(sandboxId, start)) return NOT_NOTED;
    const count = (this.#newOf.get(sandboxId) ?? 0) + 1;
    this.#newOf.set(sandboxId, count);
    if (count > MAX_NEW_PER_FLUSH) return NOT_NOTED;
    const entry = new Entry({
      ...start,
      host: start.host?.slice(0, MAX_TEXT) ?? null,
      sandboxId,
      time: this.#now(),
      bytesSent: 0,
      bytesReceived: 0,
    });
    if (!start.allowed) entry.close();
    this.#new.push(entry);
    return entry;
  }

  #isRepeat(sandboxId: string, { protocol, host, address, port }: ConnectionStart): boolean {
    const key = [sandboxId, protocol, host, address, port].join(' ');
    if (this.#refused.has(key)) return true;
    if (this.#refused.size < MAX_REMEMBERED) this.#refused.add(key);
    return false;
  }

  /** Writes down what was noted. Entries that cannot be written are given up, so that memory stays bounded. */
  flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    this.#warnOfLost();
    this.#refused.clear();
    const fresh = this.#new;
    this.#new = [];
    const known = [...this.#written];
    if (fresh.length > 0) await this.#insert(fresh);
    const changed = known.filter((entry) => entry.isChanged && entry.id !== undefined);
    for (const entry of changed) entry.isChanged = false;
    for (const entry of known) if (!entry.isOpen && !entry.isChanged) this.#written.delete(entry);
    const rows = changed.flatMap(({ id, logged: { bytesSent, bytesReceived } }) =>
      id === undefined ? [] : [{ id, bytesSent, bytesReceived }],
    );
    if (rows.length > 0) await this.#sink.setBytes(rows);
    await this.#prune();
  }

  async #insert(fresh: Entry[]): Promise<void> {
    for (const entry of fresh) entry.isChanged = false;
    const ids = await this.#sink.insert(fresh.map(({ logged }) => logged));
    fresh.forEach((entry, index) => {
      entry.id = ids[index];
      const { sandboxId } = entry.logged;
      this.#sincePrune.set(sandboxId, (this.#sincePrune.get(sandboxId) ?? 0) + 1);
      if (entry.id !== undefined && (entry.isOpen || entry.isChanged)) this.#written.add(entry);
    });
  }

  async #prune(): Promise<void> {
    for (const [sandboxId, count] of this.#sincePrune) {
      if (count < KEPT_CONNECTIONS / 10) continue;
      this.#sincePrune.delete(sandboxId);
      await this.#sink.prune(sandboxId, KEPT_CONNECTIONS);
    }
  }

  #warnOfLost(): void {
    for (const [sandboxId, count] of this.#newOf) {
      if (count <= MAX_NEW_PER_FLUSH) continue;
      this.#logger.warn(
        { event: 'network.log.dropped', sandboxId, dropped: count - MAX_NEW_PER_FLUSH },
        'a sandbox opens more connections than are logged',
      );
    }
    this.#newOf.clear();
  }
}

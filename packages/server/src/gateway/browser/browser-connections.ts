import type { Notifications } from '../../database/notifications.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import { CONTROL_CHANNEL } from '../../stores/control-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { takesWork } from '../../services/sandboxes/status.ts';

/** Something open on a browser that control and revocation apply to. */
export interface BrowserConnection {
  /** Epoch of the link it was opened with. */
  linksEpoch: number | undefined;
  /** Holds it to the control on record; undefined: it is not known, so that nobody may steer. */
  update(row: SandboxRow | undefined): void;
  /** Ends it; the reason is for the person. */
  end(reason: string): void;
}

interface Watched {
  connections: Set<BrowserConnection>;
  unsubscribe: () => void;
}

/** What is open on the browsers of sandboxes at this server, kept in step with the rows. */
export class BrowserConnections {
  readonly #deps: { store: SandboxStore; notifications: Notifications; logger: Logger };
  readonly #watched = new Map<string, Watched>();

  constructor(deps: { store: SandboxStore; notifications: Notifications; logger: Logger }) {
    this.#deps = deps;
  }

  /** @returns to be called when the connection is over. Resolves once it is held to the row of this moment. */
  async add(sandboxId: string, connection: BrowserConnection): Promise<() => void> {
    const watched = this.#watched.get(sandboxId) ?? this.#watch(sandboxId);
    watched.connections.add(connection);
    await this.refresh(sandboxId);
    return () => {
      watched.connections.delete(connection);
      if (watched.connections.size > 0 || this.#watched.get(sandboxId) !== watched) return;
      watched.unsubscribe();
      this.#watched.delete(sandboxId);
    };
  }

  /** Looks at every row again, should a notification have been lost. */
  async sweep(): Promise<void> {
    for (const sandboxId of this.#watched.keys()) await this.refresh(sandboxId);
  }

  #watch(sandboxId: string): Watched {
    const wake = (): void => void this.refresh(sandboxId);
    const unsubscribe = this.#deps.notifications.subscribe(CONTROL_CHANNEL, sandboxId, wake);
    const watched = { connections: new Set<BrowserConnection>(), unsubscribe };
    this.#watched.set(sandboxId, watched);
    return watched;
  }

  /** Holds what is open on a sandbox's browser at this server to its row. */
  async refresh(sandboxId: string): Promise<void> {
    if (!this.#watched.has(sandboxId)) return;
    const { store, logger } = this.#deps;
    // A database that does not answer says nothing of who is in control.
    const row = await store.find(sandboxId).catch((error: unknown) => {
      logger.warn({ event: 'control.unknown', sandboxId, err: error }, 'control could not be read');
      return null;
    });
    for (const connection of this.#watched.get(sandboxId)?.connections ?? []) {
      if (row === null) connection.update(undefined);
      else if (!row || !takesWork(row.status)) connection.end('The sandbox does not run.');
      else if (connection.linksEpoch !== row.links_epoch) connection.end('This link was revoked.');
      else connection.update(row);
    }
  }
}

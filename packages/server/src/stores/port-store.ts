import type { Database } from '../database/connect.ts';
import type { PortPreviewRow, SandboxRow } from '../database/tables/sandboxes.ts';
import type { EventStore, NewEvent } from './event-store.ts';

/** A preview with what is needed of its sandbox to reach it. */
export type ReachablePreview = PortPreviewRow & Pick<SandboxRow, 'box_id' | 'status'>;

/** Port previews. One whose row is gone is revoked, whatever signatures say. */
export class PortStore {
  readonly #db: Database;
  readonly #events: EventStore;

  constructor(db: Database, events: EventStore) {
    this.#db = db;
    this.#events = events;
  }

  /**
   * Records a preview. One of the same port that has not expired keeps its label and only changes its end.
   * @returns the row in force, or undefined when the sandbox has `most` previews of other ports.
   */
  put(row: PortPreviewRow, most: number, event: NewEvent): Promise<PortPreviewRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      // The sandbox's row is the lock that makes counting and inserting one step.
      await tx.selectFrom('sandboxes').select('id').where('id', '=', row.sandbox_id).forUpdate().execute();
      await tx
        .deleteFrom('port_previews')
        .where('sandbox_id', '=', row.sandbox_id)
        .where('expires_at', '<=', row.created_at)
        .execute();
      const present = await tx
        .selectFrom('port_previews')
        .select('port')
        .where('sandbox_id', '=', row.sandbox_id)
        .execute();
      if (present.length >= most && !present.some(({ port }) => port === row.port)) return undefined;
      const stored = await tx
        .insertInto('port_previews')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['sandbox_id', 'port'])
            .doUpdateSet({ public: row.public, expires_at: row.expires_at }),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      await this.#events.append(tx, row.sandbox_id, [event], row.created_at);
      return stored;
    });
  }

  list(sandboxId: string, now: number): Promise<PortPreviewRow[]> {
    return this.#db
      .selectFrom('port_previews')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('expires_at', '>', now)
      .orderBy('port')
      .execute();
  }

  /** @returns the label it had, or undefined when the port had no preview. */
  remove(sandboxId: string, port: number, now: number): Promise<string | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const removed = await tx
        .deleteFrom('port_previews')
        .where('sandbox_id', '=', sandboxId)
        .where('port', '=', port)
        .returning('label')
        .executeTakeFirst();
      if (removed)
        await this.#events.append(tx, sandboxId, [{ type: 'sandbox.port.revoked', data: { port } }], now);
      return removed?.label;
    });
  }

  /** Previews under these labels that have not expired. */
  find(labels: string[], now: number): Promise<ReachablePreview[]> {
    return this.#db
      .selectFrom('port_previews')
      .innerJoin('sandboxes', 'sandboxes.id', 'port_previews.sandbox_id')
      .selectAll('port_previews')
      .select(['sandboxes.box_id', 'sandboxes.status'])
      .where('label', 'in', labels)
      .where('port_previews.expires_at', '>', now)
      .execute();
  }
}

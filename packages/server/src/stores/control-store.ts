import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import {
  controlAt,
  NO_CONTROL,
  sameControl,
  type Control,
  type ControlStep,
} from '../services/control/control.ts';
import { takesWork } from '../services/sandboxes/status.ts';
import type { EventStore, NewEvent, Tx } from './event-store.ts';

/** Channel on which servers tell each other that control or links of a sandbox's browser changed; its id. */
export const CONTROL_CHANNEL = 'banata_control';

type Cause = Extract<NewEvent, { type: 'sandbox.control.changed' }>['data']['cause'];

/** Who controls the browser, by the row alone: a lease in it may be over (`controlAt`). */
export function controlOf(row: SandboxRow): Control {
  return {
    mode: row.control_mode,
    controller: row.control_controller,
    holder: row.control_holder,
    leaseUntil: row.control_lease_until,
  };
}

/** Whether the box a sandbox has now has confirmed the control that is in force. */
export function isApplied(row: SandboxRow): boolean {
  return row.control_applied === appliedMark(row.box_id, row.control_epoch);
}

/** Who controls the browsers of sandboxes: columns of their rows. */
export class ControlStore {
  readonly #db: Database;
  readonly #events: EventStore;

  constructor(db: Database, events: EventStore) {
    this.#db = db;
    this.#events = events;
  }

  /**
   * Changes control under the lock of the row, with the event that tells of it.
   * @returns the row and the step, or undefined when the sandbox takes no work (any more).
   */
  change(
    id: string,
    decide: (present: Control) => ControlStep,
    cause: Cause,
    now: number,
  ): Promise<{ row: SandboxRow; step: ControlStep } | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .selectFrom('sandboxes')
        .selectAll()
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirst();
      if (!row || !takesWork(row.status)) return undefined;
      const step = decide(controlOf(row));
      if (!step.ok || sameControl(step.next, controlOf(row))) return { row, step };
      return { row: await this.setIn(tx, id, step.next, { cause, now }), step };
    });
  }

  /** Lets every lease that is over fall back to automation. @returns the sandboxes. */
  async endLeases(now: number): Promise<string[]> {
    const over = await this.#db
      .selectFrom('sandboxes')
      .select('id')
      .where('control_lease_until', '<=', now)
      .where('status', 'not in', ['ended', 'failed'])
      // While a person is asked for, the request decides what becomes of control.
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('handoffs')
              .select('handoffs.id')
              .where(sql<boolean>`handoffs.sandbox_id = coalesce(sandboxes.paired_with, sandboxes.id)`)
              .where('handoffs.status', 'in', ['pending', 'accepted']),
          ),
        ),
      )
      .execute();
    for (const { id } of over) {
      await this.#db.transaction().execute(async (tx) => {
        const row = await tx
          .selectFrom('sandboxes')
          .selectAll()
          .where('id', '=', id)
          .forUpdate()
          .executeTakeFirstOrThrow();
        // Renewed or ended by another server meanwhile.
        const control = controlOf(row);
        if (control.leaseUntil === null || controlAt(control, now) === control) return;
        await this.setIn(tx, id, NO_CONTROL, { cause: 'lease_ended', now });
      });
    }
    return over.map(({ id }) => id);
  }

  /** Working sandboxes whose box has not confirmed the present control, and all in which a person has it. */
  async listToTell(): Promise<SandboxRow[]> {
    const rows = await this.#db
      .selectFrom('sandboxes')
      .selectAll()
      .where('status', 'in', ['ready', 'active'])
      .where('control_epoch', '>', 0)
      .where((eb) =>
        eb.or([
          eb('control_mode', '=', 'human'),
          eb('control_applied', 'is distinct from', sql<string>`box_id || ':' || control_epoch`),
        ]),
      )
      .execute();
    return rows;
  }

  /** Notes what a box confirmed. */
  async markApplied(row: Pick<SandboxRow, 'id' | 'box_id'>, epoch: number): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('sandboxes')
        .set({ control_applied: appliedMark(row.box_id, epoch) })
        .where('id', '=', row.id)
        .where('control_epoch', '=', epoch)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await tell(tx, row.id);
    });
  }

  /** Goes beyond the epoch a box knows, which is newer than ours when the database was restored from a backup. */
  async skipTo(id: string, epoch: number): Promise<void> {
    await this.#db
      .updateTable('sandboxes')
      .set({ control_epoch: epoch })
      .where('id', '=', id)
      .where('control_epoch', '<', epoch)
      .execute();
  }

  /** Makes the links to a browser void that were signed before. */
  async revokeLinks(id: string, now: number): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx
        .updateTable('sandboxes')
        .set((eb) => ({ links_epoch: eb('links_epoch', '+', 1) }))
        .where('id', '=', id)
        .execute();
      await this.#events.append(tx, id, [{ type: 'sandbox.preview.revoked', data: {} }], now);
      await tell(tx, id);
    });
  }

  /** Changes control in a transaction that holds the sandbox's row. */
  async setIn(
    tx: Tx,
    id: string,
    { mode, controller, holder, leaseUntil }: Control,
    { cause, now }: { cause: Cause; now: number },
  ): Promise<SandboxRow> {
    const row = await tx
      .updateTable('sandboxes')
      .set((eb) => ({
        control_mode: mode,
        control_controller: controller,
        control_holder: holder,
        control_lease_until: leaseUntil,
        control_epoch: eb('control_epoch', '+', 1),
      }))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    const data = { mode, controller, leaseUntil, cause };
    await this.#events.append(tx, id, [{ type: 'sandbox.control.changed', data }], now);
    await tell(tx, id);
    return row;
  }
}

function appliedMark(boxId: string | null, epoch: number): string {
  return `${boxId ?? ''}:${epoch}`;
}

async function tell(tx: Tx, sandboxId: string): Promise<void> {
  await sql`select pg_notify(${CONTROL_CHANNEL}, ${sandboxId})`.execute(tx);
}

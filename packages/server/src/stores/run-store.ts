import { normalizeCapabilities, type SandboxStatus } from '@banata/protocol';
import { sql, type RawBuilder } from 'kysely';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Tx } from './event-store.ts';

/** With these a sandbox has stopped running. */
const STOPPED: readonly SandboxStatus[] = ['paused', 'ending', 'ended', 'failed'];

/**
 * What opens or closes the run of a sandbox whose status has changed, in the transaction of the change, so that the
 * seconds a sandbox ran are as certain as its status; undefined where the change does neither.
 */
export function runChange(tx: Tx, row: SandboxRow, at: number): RawBuilder<unknown> | undefined {
  if (row.status === 'ready') {
    const browser = normalizeCapabilities(row.capabilities).browser.mode === 'local-chromium';
    const opened = tx
      .insertInto('sandbox_runs')
      .values({
        sandbox_id: row.id,
        started_at: at,
        ended_at: null,
        organization_id: row.organization_id,
        browser,
      })
      // It has come back from `active`: its run is open.
      .onConflict((conflict) => conflict.doNothing());
    return sql`(${opened})`;
  }
  if (!STOPPED.includes(row.status)) return undefined;
  const closed = tx
    .updateTable('sandbox_runs')
    .set({ ended_at: sql<number>`greatest(started_at, ${at}::bigint)` })
    .where('sandbox_id', '=', row.id)
    .where('ended_at', 'is', null);
  return sql`(${closed})`;
}

import type { SandboxDriver } from '@banata/drivers';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { EventStore } from '../../stores/event-store.ts';
import { ownerOf } from '../browsers/owner-of.ts';

export interface ReviveDeps {
  driver: Pick<SandboxDriver, 'list' | 'pauses'>;
  boxes: Boxes;
  events: Pick<EventStore, 'list'>;
}

/**
 * Starts a box again whose programs have all ended, from its disk, where something was recorded in it: what there is of
 * a film can be fetched then. The caller ends the box.
 * @returns whether it was dead and runs now.
 * @throws DriverError, or the reason of the signal.
 */
export async function revive(row: SandboxRow, deps: ReviveDeps, signal: AbortSignal): Promise<boolean> {
  const { driver, boxes } = deps;
  if (row.box_id === null || !driver.pauses || !(await hasRecorded(row, deps.events))) return false;
  const listed = (await driver.list()).find(({ id }) => id === row.box_id);
  if (listed?.state !== 'dead') return false;
  await driver.pauses.store(row.box_id);
  const box = await driver.pauses.resume(row.box_id, signal);
  boxes.forget(row.box_id);
  boxes.remember(row.box_id, box.endpoint);
  return true;
}

async function hasRecorded(row: SandboxRow, events: ReviveDeps['events']): Promise<boolean> {
  const started = { after: 0, limit: 1, type: 'sandbox.recording.started' };
  return (await events.list(ownerOf(row), started)).length > 0;
}

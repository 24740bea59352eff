import { normalizeCapabilities } from '@banata/protocol';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Tx } from './event-store.ts';

/** Whether the browser of a sandbox is in another box. */
export function hasPairedBrowser({ capabilities }: Pick<SandboxRow, 'capabilities'>): boolean {
  return normalizeCapabilities(capabilities).browser.mode === 'paired-banata-browser';
}

/**
 * Locks a sandbox. Control of its browser stands in its columns, also where that is the control of another box's: the
 * row of a paired browser is locked first, as all do who change it and tell of it in the sandbox's events.
 */
export async function lockSandbox(tx: Tx, id: string): Promise<SandboxRow | undefined> {
  const browser = await pairedBrowserOf(tx, id);
  const sandbox = await tx
    .selectFrom('sandboxes')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return sandbox && browser ? withControlOf(sandbox, browser) : sandbox;
}

/** The browser that is paired with a sandbox, locked, while it lives. */
export function pairedBrowserOf(tx: Tx, sandboxId: string): Promise<SandboxRow | undefined> {
  return tx
    .selectFrom('sandboxes')
    .selectAll()
    .where('paired_with', '=', sandboxId)
    .where('status', 'not in', ['ended', 'failed'])
    .forUpdate()
    .executeTakeFirst();
}

/** A sandbox with control of its browser in its columns. */
export function withControlOf(sandbox: SandboxRow, browser: SandboxRow): SandboxRow {
  return {
    ...sandbox,
    control_mode: browser.control_mode,
    control_controller: browser.control_controller,
    control_holder: browser.control_holder,
    control_lease_until: browser.control_lease_until,
    control_epoch: browser.control_epoch,
  };
}

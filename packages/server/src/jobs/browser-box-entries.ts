import type { BoxEvent, BoxEventBody } from '@banata/protocol/box';
import type { SandboxRow } from '../database/tables/sandboxes.ts';

/** What the box of a browser session may tell; it has neither agent nor commands. */
const TOLD = new Set<BoxEventBody['type']>([
  'browser.failed',
  'browser.restarting',
  'browser.download',
  'control.refused',
  'recording.started',
  'recording.ended',
]);

type Session = Pick<SandboxRow, 'paired_with' | 'ready_at'>;

/**
 * The entries of a browser session's journal that count. That the browser is ready is told once by whoever makes the
 * session.
 */
export function browserBoxEntries(row: Session, batch: BoxEvent[]): BoxEvent[] {
  return batch.filter((entry) => {
    if (entry.body.type !== 'browser.ready') return TOLD.has(entry.body.type);
    return row.paired_with !== null && !isFirst(row, entry);
  });
}

/** Whether the browser became ready before its session did, and not anew after that. */
function isFirst({ ready_at: readyAt }: Session, { at }: BoxEvent): boolean {
  return readyAt === null || at <= readyAt;
}

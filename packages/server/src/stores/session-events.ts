import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { NewEvent } from './event-store.ts';

/**
 * The events of a row's life under the names of what it is: those of a browser session are `session.…`. What happens
 * to sandboxes only is left out for one.
 */
export function eventsOfLife(row: Pick<SandboxRow, 'id' | 'kind'>, events: NewEvent[]): NewEvent[] {
  return row.kind === 'sandbox' ? events : events.flatMap((event) => sessionEvent(row.id, event));
}

function sessionEvent(sessionId: string, event: NewEvent): NewEvent[] {
  switch (event.type) {
    case 'sandbox.created':
      return [{ type: 'session.created', data: { sessionId } }];
    case 'sandbox.assigned':
      return [{ type: 'session.assigned', data: { sessionId } }];
    case 'sandbox.ready':
      return [{ type: 'session.ready', data: { sessionId } }];
    case 'sandbox.ending':
      return [{ type: 'session.ending', data: { sessionId, reason: event.data.reason } }];
    case 'sandbox.ended':
      return [{ type: 'session.ended', data: { sessionId, reason: event.data.reason } }];
    case 'sandbox.failed':
      return [{ type: 'session.failed', data: { sessionId, reason: event.data.reason } }];
    case 'sandbox.active':
    case 'sandbox.idle':
    case 'sandbox.timeout.near':
    case 'sandbox.timeout.renewed':
    case 'sandbox.pausing':
    case 'sandbox.paused':
    case 'sandbox.resumed':
      return [];
    default:
      return [event];
  }
}

import type { BanataEvent } from '@banata-boxes/sdk';

/** A part of the page that is read from the API; the first word of its query's key. */
export type StaleKey = 'agent' | 'artifacts' | 'files' | 'preview' | 'session';

function staleBy(event: BanataEvent): readonly StaleKey[] {
  const { type } = event;
  if (type === 'sandbox.artifacts.updated') return ['artifacts'];
  if (type === 'sandbox.agent.part') {
    return event.data.part.type === 'tool' && event.data.part.status === 'completed' ? ['files'] : [];
  }
  if (type.startsWith('sandbox.agent.task.')) return ['agent', 'files'];
  if (type === 'sandbox.agent.ready' || type === 'sandbox.agent.failed') return ['agent'];
  if (type.startsWith('sandbox.agent.')) return [];
  return type.startsWith('sandbox.browser.') ? ['preview'] : ['session'];
}

/** What must be read again after these events. */
export function staleKeys(events: readonly BanataEvent[]): Set<StaleKey> {
  return new Set(events.flatMap(staleBy));
}

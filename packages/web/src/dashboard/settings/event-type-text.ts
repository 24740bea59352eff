import type { EventType } from '@banata-boxes/sdk';

/**
 * The event types in a text, apart by spaces, commas or lines; undefined for none, which means the server's default.
 * Their names are the server's to check.
 */
export function parseEventTypes(text: string): EventType[] | undefined {
  const types = new Set(text.split(/[\s,]+/).filter((part) => part !== ''));
  return types.size > 0 ? ([...types] as EventType[]) : undefined;
}

import type { Connection, Network } from '@banata-boxes/sdk';

const SHOWN_ENTRIES = 6;

/** What a sandbox may reach, as a sentence. */
export function reachText({ egress }: Network): string {
  if (egress === 'all') return 'May reach the public internet.';
  if (egress === 'none') return 'May reach nothing but the model gateway.';
  const { allow, deny } = egress;
  const allowed = allow === undefined ? 'everything' : listText(allow);
  const denied = deny === undefined || deny.length === 0 ? '' : `, but not ${listText(deny)}`;
  return `May reach ${allowed}${denied}.`;
}

function listText(entries: readonly string[]): string {
  if (entries.length === 0) return 'nothing';
  const rest = entries.length - SHOWN_ENTRIES;
  const shown = entries.slice(0, SHOWN_ENTRIES).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/** Where a connection went: its name, or else its address, with the port. */
export function targetText({ host, address, port }: Connection): string {
  return `${host ?? address ?? 'an unknown place'}:${port}`;
}

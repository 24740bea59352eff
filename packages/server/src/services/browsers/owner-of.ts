import type { SandboxRow } from '../../database/tables/sandboxes.ts';

/** Sandbox that a browser belongs to; a browser session by itself belongs to itself, as does a sandbox. */
export function ownerOf({ id, paired_with: pairedWith }: Pick<SandboxRow, 'id' | 'paired_with'>): string {
  return pairedWith ?? id;
}

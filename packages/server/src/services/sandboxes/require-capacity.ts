import { ApiError } from '@banata/protocol';
import type { SandboxStore } from '../../stores/sandbox-store.ts';

/** @param more boxes that are to be made. @throws {ApiError} CAPACITY_EXHAUSTED when the host has no room for them. */
export async function requireCapacity(store: SandboxStore, maxSandboxes: number, more = 1): Promise<void> {
  if ((await store.countRunning()) + more <= maxSandboxes) return;
  throw new ApiError(
    'CAPACITY_EXHAUSTED',
    `This server runs ${maxSandboxes} sandboxes, its most (BANATA_MAX_SANDBOXES).`,
  );
}

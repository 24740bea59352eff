import { normalizeCapabilities } from '@banata/protocol';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { SessionArtifacts } from '../browsers/session-artifacts.ts';
import type { ProfileService } from './profiles.ts';
import type { RecordingService } from './recordings.ts';

/** The end of a sandbox waits this long for what its browser leaves behind. */
const LAST_KEEPING_MS = 120_000;

/**
 * Keeps recordings and profile of a sandbox that ends, while its box is there. Takes two minutes at most, and rejects
 * only where the database does not answer.
 */
export async function lastKeeping(
  row: SandboxRow,
  {
    profiles,
    sessionArtifacts,
    revive,
    ...parts
  }: {
    /** Starts a dead box again in which something was recorded, and answers whether it was one. */
    revive: (row: SandboxRow, signal: AbortSignal) => Promise<boolean>;
    recordings: RecordingService;
    profiles: ProfileService;
    sessionArtifacts: SessionArtifacts;
    logger: Logger;
  },
): Promise<void> {
  if (!hasBrowser(row)) return;
  if (row.paused_at !== null) {
    await profiles.tellLost(
      row,
      'The sandbox ended while it was paused; resume it first to keep its last state.',
    );
    return;
  }
  const signal = AbortSignal.timeout(LAST_KEEPING_MS);
  const revived = await revive(row, signal).catch((error: unknown) => {
    parts.logger.warn({ event: 'box.not-revived', sandboxId: row.id, err: error }, 'a dead box stays dead');
    return false;
  });
  // First, since the profile is saved after the browser's end.
  await lastRecordings(row, { ...parts, signal });
  if (revived) {
    await profiles.tellLost(row, 'The programs of the sandbox ended before it could be saved.');
    return;
  }
  await sessionArtifacts.keepLast(row, signal);
  await profiles.keepLast(row, signal);
}

/** Ends and keeps the recordings of a box that goes. Never rejects. */
export async function lastRecordings(
  row: SandboxRow,
  {
    recordings,
    logger,
    signal = AbortSignal.timeout(LAST_KEEPING_MS),
  }: { recordings: RecordingService; logger: Logger; signal?: AbortSignal },
): Promise<void> {
  if (!hasBrowser(row)) return;
  try {
    await recordings.keepAll(row, signal);
  } catch (error) {
    logger.debug({ event: 'recordings.unreachable', sandboxId: row.id, err: error }, 'no recordings to keep');
  }
}

function hasBrowser(row: SandboxRow): boolean {
  const { browser } = normalizeCapabilities(row.capabilities);
  return browser.mode === 'local-chromium' && row.box_id !== null && row.ready_at !== null;
}

import type { BrowserWeight, Isolation } from '@banata/protocol';
import type { BoxLimits } from '@banata/drivers';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';

const MiB = 1024 * 1024;

/** What the daemon, the desktop and Chromium itself take before a page is open, with room to spare. */
const BASE_BYTES: Readonly<Record<Isolation, number>> = {
  container: 512 * MiB,
  // The daemon there can only add up what processes hold, and counts the memory that Chromium's share once for each.
  gvisor: 1536 * MiB,
};

/** Memory for pages by weight, and how many there may be. The documented tiers; they come on top of the base. */
const weights: Readonly<Record<BrowserWeight, { pageBytes: number; maxPages: number }>> = {
  light: { pageBytes: 256 * MiB, maxPages: 3 },
  medium: { pageBytes: 512 * MiB, maxPages: 5 },
  heavy: { pageBytes: 1024 * MiB, maxPages: 10 },
};

/** Most pages of a browser session; undefined for sandboxes. */
export function maxPagesOf(row: Pick<SandboxRow, 'browser_session'>): number | undefined {
  return row.browser_session === null ? undefined : weights[row.browser_session.weight].maxPages;
}

/** Limits of a box: a browser session has the memory of its weight, never more than the sandboxes of this server. */
export function limitsOf<T extends Pick<BoxLimits, 'memoryBytes'>>(
  row: Pick<SandboxRow, 'browser_session' | 'isolation'>,
  limits: T,
): T {
  if (row.browser_session === null) return limits;
  const { pageBytes } = weights[row.browser_session.weight];
  return { ...limits, memoryBytes: Math.min(limits.memoryBytes, BASE_BYTES[row.isolation] + pageBytes) };
}

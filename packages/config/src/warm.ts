import { totalmem } from 'node:os';
import { z } from 'zod';

/** One warm sandbox with a browser for so much memory of the host, where the setting says `auto`. */
const MEMORY_PER_WARM_BROWSER = 16 * 1024 ** 3;
const MOST_WARM_BROWSERS = 2;
const MOST = 64;

const count = z.coerce.number().int().min(0).max(MOST);
const countOrAuto = z.union([z.literal('auto'), count]).default('auto');

/** How many started, unused sandboxes are kept: bare ones, with a browser, with a browser and an agent. */
export interface WarmCounts {
  none: number;
  browser: number;
  agent: number;
}

export const warmSettings = {
  BANATA_WARM: count
    .default(1)
    .describe(
      'Started, unused sandboxes kept ready, so that creating one takes milliseconds. 0: none, also none of the two kinds below. While the host is short of memory fewer are kept.',
    ),
  BANATA_WARM_BROWSER: countOrAuto.describe(
    'The same with a browser that runs already. Each takes about 250 MiB of memory. A whole number from 0 to 64, or auto: one for each 16 GiB of memory the host has, at most 2.',
  ),
  BANATA_WARM_AGENT: countOrAuto.describe(
    'The same with a browser and an agent that run already. Each takes about 500 MiB. Numbers as for BANATA_WARM_BROWSER.',
  ),
};

/** @param memoryBytes of the host. */
export function warmCounts(
  settings: { [Name in keyof typeof warmSettings]: z.output<(typeof warmSettings)[Name]> },
  memoryBytes = totalmem(),
): WarmCounts {
  const none = settings.BANATA_WARM;
  if (none === 0) return { none, browser: 0, agent: 0 };
  // Rounded, since a host with 16 GiB of memory has a little less to give.
  const usual = Math.min(MOST_WARM_BROWSERS, Math.round(memoryBytes / MEMORY_PER_WARM_BROWSER));
  const { BANATA_WARM_BROWSER: browser, BANATA_WARM_AGENT: agent } = settings;
  return { none, browser: browser === 'auto' ? usual : browser, agent: agent === 'auto' ? usual : agent };
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killTree } from './exec/kill-tree.ts';
import type { BoxEnvironment, BoxLogger } from './services.ts';

/** File in `runDir`, which goes with the box's processes: a daemon has run before this one. */
export const STARTED_NOTE = 'started';

/** Variable that every service process of the daemon carries, with the service's name as its value. */
const SERVICE_MARKER = 'BANATA_SERVICE';

/**
 * Ends the service processes (browser, agent, file worker) of a daemon that ended without doing so. A note in
 * `runDir`, which goes with the box, tells whether there was one.
 */
export async function endLeftovers(environment: BoxEnvironment, logger: BoxLogger): Promise<void> {
  const note = join(environment.runDir, STARTED_NOTE);
  try {
    writeFileSync(note, '', { flag: 'wx' });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const accounts = Object.values(environment.accounts);
  const left = await killTree({ marker: { name: SERVICE_MARKER }, accounts, graceMs: 0 });
  logger.warn('boxd.restarted', { left });
}

import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from './read-if-there.ts';

/** File of the state folder that says whose state it is. It is as old as the box. */
export const LIFE_FILE = 'life';

/**
 * Clears the state folder where it came with the disk of another box, as a checkpoint has it: configuration, journal,
 * tasks and processes were that box's. What people and programs made lies elsewhere and stays, the agent's sessions too.
 * A box is told from others by its token.
 */
export async function beginLife(stateDir: string, token: string): Promise<void> {
  const file = join(stateDir, LIFE_FILE);
  const mine = createHash('sha256').update(token).digest('hex');
  const found = readIfThere(file);
  if (found === mine) return;
  // The note goes first and comes back last, so that a start that is broken off is done again.
  if (found !== undefined) await rm(file, { force: true });
  for (const name of readdirSync(stateDir)) await rm(join(stateDir, name), { recursive: true, force: true });
  writeFileSync(file, mine, { mode: 0o600 });
}

/** Removes what display servers of an earlier run of this disk left in /tmp: they would be taken for running ones. */
export async function clearDisplays(temporary: string): Promise<void> {
  const locks = namesIn(temporary).filter((name) => /^\.X\d+-lock$/.test(name));
  for (const name of locks) await rm(join(temporary, name), { recursive: true, force: true });
  if (locks.length > 0) await rm(join(temporary, '.X11-unix'), { recursive: true, force: true });
}

/** None where people have removed or replaced the folder. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

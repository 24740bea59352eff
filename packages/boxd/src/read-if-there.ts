import { readFileSync } from 'node:fs';

/** Text of a file, or undefined when there is none. Reads at once, for the daemon's start (`startBoxd`). */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

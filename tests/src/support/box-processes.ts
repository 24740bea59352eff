import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from './installation.ts';

/** Host process ids of an installation's boxes: their first process, or with gVisor the kernel they run on. */
export function boxProcesses({ home }: Pick<Installation, 'home'>): number[] {
  const folder = join(home, 'oci/boxes');
  const records = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return records.flatMap((name) => {
    const { process: first } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      process: { pid: number } | null;
    };
    return first ? [first.pid] : [];
  });
}

import { readMountTable } from './kernel/mount-table.ts';

/**
 * Folder in which lxcfs (Debian package of the same name) shows parts of /proc as they are for the asking container;
 * undefined while it does not run.
 */
export async function lxcfsFolder(): Promise<string | undefined> {
  return (await readMountTable()).find((entry) => entry.type === 'fuse.lxcfs')?.mountPoint;
}

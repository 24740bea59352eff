import { readdir, readFile } from 'node:fs/promises';

/** A process of an installation's boxes as the host sees it. */
export interface BoxProcess {
  pid: number;
  name: string;
  /** Real, effective, saved and file system user id on the host. */
  uids: number[];
}

/** Processes in the cgroups of an installation. */
export async function boxProcesses(instanceId: string): Promise<BoxProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readProcess(pid, instanceId)));
  return found.filter((process) => process !== undefined);
}

async function readProcess(pid: string, instanceId: string): Promise<BoxProcess | undefined> {
  try {
    const cgroups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    if (!cgroups.includes(`banata-${instanceId}`)) return undefined;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    return { pid: Number(pid), name: field('Name'), uids: field('Uid').split(/\s+/).map(Number) };
  } catch {
    // Ended while it was looked at.
    return undefined;
  }
}

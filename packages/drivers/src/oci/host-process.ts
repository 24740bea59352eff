import { readFile } from 'node:fs/promises';

/** A process of the host, told apart from later ones with the same number. */
export interface HostProcess {
  pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/pid/stat). */
  startTime: string;
}

async function statFields(pid: number): Promise<string[] | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets, which may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The process with this number, or undefined when there is none (a zombie counts as none). */
export async function identifyProcess(pid: number): Promise<HostProcess | undefined> {
  const fields = await statFields(pid);
  const startTime = fields?.[19];
  if (startTime === undefined || fields?.[0] === 'Z' || fields?.[0] === 'X') return undefined;
  return { pid, startTime };
}

/** True while that very process runs. */
export async function isAlive(process_: HostProcess): Promise<boolean> {
  return (await identifyProcess(process_.pid))?.startTime === process_.startTime;
}

import { readdir, readFile } from 'node:fs/promises';

/** What /proc says about one process. */
export interface ProcessInfo {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** One letter, such as `R`, `S` or `Z`. */
  state: string;
}

/** Parses a line of /proc/PID/stat (proc_pid_stat(5)). The name in it may hold blanks and brackets. */
export function parseStat(line: string): ProcessInfo | undefined {
  const nameEnd = line.lastIndexOf(')');
  const pid = Number.parseInt(line, 10);
  const [state, parent, group, session] = line.slice(nameEnd + 2).split(' ');
  if (nameEnd < 0 || Number.isNaN(pid) || !state || !session) return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), state };
}

/** Every process that can be seen now. */
export async function listProcesses(): Promise<ProcessInfo[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  );
  return lines.flatMap((line) => parseStat(line) ?? []);
}

/**
 * The living processes that belong to a command: `root`, its process group and session, those that carry its
 * marker, and the descendants of all of them. Never the calling process or PID 1.
 */
export function selectTree(
  processes: readonly ProcessInfo[],
  root: number | undefined,
  marked: ReadonlySet<number>,
): number[] {
  const selected = new Set<number>();
  const children = new Map<number, number[]>();
  for (const info of processes) {
    children.set(info.parent, [...(children.get(info.parent) ?? []), info.pid]);
    const related = root !== undefined && [info.pid, info.group, info.session].includes(root);
    if (related || marked.has(info.pid)) selected.add(info.pid);
  }
  // A Set's iteration reaches what is added on the way.
  for (const pid of selected) {
    for (const child of children.get(pid) ?? []) selected.add(child);
  }
  const dead = new Set(processes.filter(({ state }) => state === 'Z' || state === 'X').map(({ pid }) => pid));
  return [...selected].filter((pid) => pid !== 1 && pid !== process.pid && !dead.has(pid));
}

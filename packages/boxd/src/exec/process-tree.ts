import { readdirSync, readFileSync, statSync } from 'node:fs';

/** What /proc says about one process. */
export interface ProcessInfo {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** One letter, such as `R`, `S` or `Z`. */
  state: string;
}

/** Many times what it takes with a thousand processes that do nothing. */
const LOOK_LIMIT_MS = 500;

/** Parses a line of /proc/PID/stat (proc_pid_stat(5)). The name in it may hold blanks and brackets. */
export function parseStat(line: string): ProcessInfo | undefined {
  const nameEnd = line.lastIndexOf(')');
  const pid = Number.parseInt(line, 10);
  const [state, parent, group, session] = line.slice(nameEnd + 2).split(' ');
  if (nameEnd < 0 || Number.isNaN(pid) || !state || !session) return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), state };
}

/**
 * Every process that can be seen now. Synchronous: this must outrun processes that fork, and a thousand take 20 ms,
 * several times less than through the thread pool.
 */
export function listProcesses(): ProcessInfo[] {
  return lookAtProcesses().processes;
}

/** A list of processes; `whole` is false where time ran out before it was complete. */
export interface ProcessLook {
  processes: ProcessInfo[];
  whole: boolean;
}

/**
 * As {@link listProcesses}, and says whether that is all. It ends after `limitMs`: in gVisor, where hundreds of
 * processes want to run, each call of the system waits for all of them.
 */
export function lookAtProcesses(limitMs = LOOK_LIMIT_MS): ProcessLook {
  const deadline = performance.now() + limitMs;
  const processes: ProcessInfo[] = [];
  for (const pid of listPids()) {
    if (performance.now() > deadline) return { processes, whole: false };
    const info = readProcess(pid);
    if (info) processes.push(info);
  }
  return { processes, whole: true };
}

/** Ids of all processes: a few calls of the system, however many there are. */
export function listPids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function readProcess(pid: string): ProcessInfo | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // Gone since the listing.
    return undefined;
  }
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

/** The living processes among these that do not descend from `keeper`. */
export function selectStrays(
  processes: readonly ProcessInfo[],
  owned: ReadonlySet<number>,
  keeper: number,
): number[] {
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const keeps = (pid: number): boolean => {
    // As many steps as there are processes: a list that is not of one instant may hold a loop.
    let ancestor: number | undefined = pid;
    for (let steps = 0; ancestor !== undefined && steps <= parents.size; steps++) {
      if (ancestor === keeper) return true;
      ancestor = parents.get(ancestor);
    }
    return false;
  };
  return processes
    .filter(({ pid, state }) => owned.has(pid) && pid !== 1 && state !== 'Z' && state !== 'X' && !keeps(pid))
    .map(({ pid }) => pid);
}

/** Those of the processes that run as one of the users. */
export function processesOf(processes: readonly ProcessInfo[], uids: ReadonlySet<number>): Set<number> {
  const owned = processes.filter(({ pid }) => {
    const stats = statSync(`/proc/${pid}`, { throwIfNoEntry: false });
    return stats !== undefined && uids.has(stats.uid);
  });
  return new Set(owned.map(({ pid }) => pid));
}

/**
 * Targets for kill(2) that reach all of `pids`: negative ids of the process groups of which every member is among
 * them, then what is in no such group. The kernel signals a group at once, so that none of it can fork away.
 */
export function killTargets(processes: readonly ProcessInfo[], pids: readonly number[]): number[] {
  const wanted = new Set(pids);
  const mixed = new Set(
    processes.flatMap(({ pid, group, state }) => (wanted.has(pid) || state === 'Z' ? [] : [group])),
  );
  const groupOf = new Map(processes.map(({ pid, group }) => [pid, group]));
  const targets = new Set<number>();
  for (const pid of pids) {
    const group = groupOf.get(pid);
    targets.add(group === undefined || group <= 1 || mixed.has(group) ? pid : -group);
  }
  return [...targets].toSorted((a, b) => a - b);
}

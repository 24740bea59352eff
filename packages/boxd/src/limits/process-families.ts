import { readFileSync } from 'node:fs';
import { listPids, listProcesses, selectTree, type ProcessInfo } from '../exec/process-tree.ts';

const PAGE_BYTES = 4096;
const COUNT_LIMIT_MS = 200;

/** A process of a program in the box, with what it holds. */
export interface Candidate extends ProcessInfo {
  name: string;
  threads: number;
  memoryBytes: number;
}

/** Processes that belong together, and what they hold. */
export interface Family {
  /** True for those that nobody waits for any more: the children of PID 1. */
  strays: boolean;
  members: Candidate[];
  threads: number;
}

/** Threads of all processes; those that there was no time to look at count as one. */
export function countThreads(): number {
  const deadline = performance.now() + COUNT_LIMIT_MS;
  let threads = 0;
  for (const pid of listPids()) {
    threads += performance.now() > deadline ? 1 : threadsOf(read(Number(pid), 'status'));
  }
  return threads;
}

function threadsOf(status: string): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1]) || 1;
}

/** All processes but those that keep the box: PID 1, the daemon and what starts it again. */
export function readCandidates(): Candidate[] {
  const keepers = new Set([1, process.pid, process.ppid]);
  return listProcesses().flatMap((info) => {
    if (keepers.has(info.pid) || info.state === 'Z') return [];
    const status = read(info.pid, 'status');
    return {
      ...info,
      name: /^Name:\s+(.*)$/m.exec(status)?.[1] ?? 'a process',
      threads: threadsOf(status),
      memoryBytes: Number(read(info.pid, 'statm').split(' ')[1]) * PAGE_BYTES || 0,
    };
  });
}

/** The families among the candidates, the one with most threads first; all strays are one family. */
export function familiesOf(candidates: readonly Candidate[]): Family[] {
  const parents = new Map(candidates.map(({ pid, parent }) => [pid, parent]));
  const families = new Map<number, Family>();
  for (const candidate of candidates) {
    const head = headOf(candidate.pid, parents);
    const strays = parents.get(head) === 1;
    const key = strays ? 1 : head;
    const family = families.get(key) ?? { strays, members: [], threads: 0 };
    family.members.push(candidate);
    family.threads += candidate.threads;
    families.set(key, family);
  }
  return [...families.values()].toSorted((a, b) => b.threads - a.threads);
}

function headOf(pid: number, parents: ReadonlyMap<number, number>): number {
  let head = pid;
  // As many steps as there are processes: a list that is not of one instant may hold a loop.
  for (let steps = 0; steps < parents.size; steps++) {
    const parent = parents.get(head);
    if (parent === undefined || !parents.has(parent)) break;
    head = parent;
  }
  return head;
}

/** A process and what descends from it. */
export function withChildren(candidates: readonly Candidate[], root: number): number[] {
  return [root, ...selectTree(candidates, undefined, new Set([root]))];
}

/** Ends them at once; those that are gone by then are no error. */
export function killAll(pids: readonly number[]): void {
  for (const pid of new Set(pids)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

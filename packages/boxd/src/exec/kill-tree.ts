import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../services.ts';
import { findMarked, type Marker } from './marked-processes.ts';
import {
  killTargets,
  listProcesses,
  processesOf,
  selectStrays,
  selectTree,
  type ProcessInfo,
} from './process-tree.ts';

export interface KillTreeOptions {
  /** Leader of the group and session, when known. */
  root?: number | undefined;
  marker: Marker;
  /** Accounts under which the processes may run. */
  accounts: readonly Account[];
  /** Time between SIGTERM and SIGKILL; 0 kills at once. */
  graceMs: number;
  /** After this without a new process the rest is given up: what the kernel does not let go. Default 3000. */
  limitMs?: number;
}

interface Look {
  pids: number[];
  /** For kill(2). */
  targets: number[];
  /** False when the box had no process left for the search, or no time: there may be more than `pids`. */
  whole: boolean;
}

const GRACE_POLL_MS = 20;
const KILL_POLL_MS = 5;
const EMPTY_LOOKS = 3;
/**
 * A tree that still forks is fought for this long: on a busy machine each look takes its time, and what is left would
 * take every process of the box. The server waits longer for the reply.
 */
const FORKING_LIMIT_MS = 9_000;

/**
 * Ends a command with everything it started, also what left its process group and parent. Repeats until a look
 * finds nothing more, since a process may fork while it is being killed. Resolves with the ids that are left.
 */
export async function killTree(options: KillTreeOptions): Promise<number[]> {
  const { graceMs, limitMs = 3000 } = options;
  const group = options.root === undefined ? undefined : -options.root;
  // Before the first look, which takes long where there are many processes: this is one call, and enough for most.
  if (graceMs > 0 && group !== undefined) signalAll([group], 'SIGTERM');
  let look = await findTree(options);
  if (graceMs > 0 && look.pids.length > 0) {
    signalAll(
      look.targets.filter((target) => target !== group),
      'SIGTERM',
    );
    look = await waitGone(options, performance.now() + graceMs);
  }
  const seen = new Set(look.pids);
  const lastDeadline = performance.now() + Math.max(limitMs, FORKING_LIMIT_MS);
  let deadline = performance.now() + limitMs;
  // One empty look proves nothing where processes fork: it can miss a child that is younger than its list.
  for (let empty = isEmpty(look) ? 1 : 0; empty < EMPTY_LOOKS && performance.now() < deadline;) {
    signalAll(rootFirst(look.targets, options.root), 'SIGKILL');
    await sleep(KILL_POLL_MS);
    look = await findTree(options);
    empty = isEmpty(look) ? empty + 1 : 0;
    const isStuck = look.whole && look.pids.length > 0 && !addAll(seen, look.pids);
    if (!isStuck) deadline = Math.min(performance.now() + limitMs, lastDeadline);
  }
  return look.pids;
}

/** A command that waits for what is killed before it would end by itself, with a code of its own choosing. */
function rootFirst(targets: readonly number[], root: number | undefined): number[] {
  const isRoot = (target: number): boolean => Math.abs(target) === root;
  return [...targets.filter(isRoot), ...targets.filter((target) => !isRoot(target))];
}

/** Whether any of them is new. */
function addAll(seen: Set<number>, pids: readonly number[]): boolean {
  const before = seen.size;
  for (const pid of pids) seen.add(pid);
  return seen.size > before;
}

async function waitGone(options: KillTreeOptions, deadline: number): Promise<Look> {
  let look = await findTree(options);
  while (!isEmpty(look) && performance.now() < deadline) {
    await sleep(GRACE_POLL_MS);
    look = await findTree(options);
  }
  return look;
}

async function findTree({ root, marker, accounts }: KillTreeOptions): Promise<Look> {
  const searches = await Promise.allSettled(accounts.map((account) => findMarked(marker, account)));
  const found = searches.flatMap((search) => (search.status === 'fulfilled' ? [search.value] : []));
  const marked = found.flatMap((search) => search.pids);
  const processes = listProcesses();
  let pids = selectTree(processes, root, new Set(marked));
  const failures = searches.flatMap((search) =>
    search.status === 'rejected' ? [search.reason as unknown] : [],
  );
  if (failures.some(isExhausted)) pids = [...new Set([...pids, ...findStrays(processes, accounts)])];
  return {
    pids,
    targets: killTargets(processes, pids),
    whole: found.length === searches.length && found.every((search) => search.whole),
  };
}

/**
 * When the box has not even one process left to search with, something in it forks without end, and every process
 * of the accounts goes that the daemon does not hold itself: background processes of other commands too.
 */
function findStrays(processes: readonly ProcessInfo[], accounts: readonly Account[]): number[] {
  const own = process.getuid?.();
  const uids = new Set(accounts.map(({ uid }) => uid).filter((uid) => uid !== own));
  return selectStrays(processes, processesOf(processes, uids), process.pid);
}

function isExhausted(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

function isEmpty({ pids, whole }: Look): boolean {
  return whole && pids.length === 0;
}

function signalAll(targets: readonly number[], signal: NodeJS.Signals): void {
  for (const target of targets) {
    try {
      process.kill(target, signal);
    } catch {
      // Gone already, which is what was wanted; the next look tells.
    }
  }
}

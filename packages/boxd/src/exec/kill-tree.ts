import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../services.ts';
import { findMarked, type Marker } from './marked-processes.ts';
import { killTargets, listProcesses, selectTree } from './process-tree.ts';

export interface KillTreeOptions {
  /** Leader of the group and session, when known. */
  root?: number | undefined;
  marker: Marker;
  /** Accounts under which the processes may run. */
  accounts: readonly Account[];
  /** Time between SIGTERM and SIGKILL; 0 kills at once. */
  graceMs: number;
  /** After this the rest is given up, such as a process that the kernel does not let go. Default 3000. */
  limitMs?: number;
}

interface Look {
  pids: number[];
  /** For kill(2). */
  targets: number[];
  /** False when the box had no process left for the search: there may be more than `pids`. */
  whole: boolean;
}

const GRACE_POLL_MS = 20;
const KILL_POLL_MS = 5;

/**
 * Ends a command with everything it started, also what left its process group and parent. Repeats until a look
 * finds nothing more, since a process may fork while it is being killed. Resolves with the ids that are left.
 */
export async function killTree(options: KillTreeOptions): Promise<number[]> {
  const { graceMs, limitMs = 3000 } = options;
  let look = await findTree(options);
  if (graceMs > 0 && look.pids.length > 0) {
    signalAll(look.targets, 'SIGTERM');
    look = await waitGone(options, performance.now() + graceMs);
  }
  const deadline = performance.now() + limitMs;
  while (!isEmpty(look) && performance.now() < deadline) {
    signalAll(look.targets, 'SIGKILL');
    await sleep(KILL_POLL_MS);
    look = await findTree(options);
  }
  return look.pids;
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
  const marked = searches.flatMap((search) => (search.status === 'fulfilled' ? search.value : []));
  const processes = listProcesses();
  const pids = selectTree(processes, root, new Set(marked));
  return {
    pids,
    targets: killTargets(processes, pids),
    whole: searches.every(({ status }) => status === 'fulfilled'),
  };
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

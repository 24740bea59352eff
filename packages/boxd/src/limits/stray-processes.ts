import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { killTargets, listProcesses, selectTree, type ProcessInfo } from '../exec/process-tree.ts';
import type { Account } from '../services.ts';
import { killAll } from './process-families.ts';

const LIMIT_MS = 2000;
const EMPTY_LOOKS = 3;
const SWEEP_TIMEOUT_MS = 10_000;

/** Becomes the account only after its start: at its limit, the account can start no program. */
const SWEEP = 'import os, sys; os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1])); os.kill(-1, 9)';

/** What was ended to make room for processes. */
export interface Relief {
  /** Background processes that were found. */
  strays: number;
  /** Whether in the end all processes of the account had to go. */
  swept: boolean;
}

/**
 * Ends background processes when they are most of the box's, such as a fork bomb whose command has been answered:
 * nothing else would end them. Where they multiply faster than they can be found, everything of the account goes,
 * which the kernel does at once. Does nothing when they are not what fills the box.
 */
export async function endStrayCrowd(account: Account): Promise<Relief> {
  const strays = findCrowd().length;
  if (strays === 0) return { strays, swept: false };
  const deadline = performance.now() + LIMIT_MS;
  for (let empty = 0; empty < EMPTY_LOOKS;) {
    if (performance.now() > deadline) {
      await sweep(account);
      return { strays, swept: true };
    }
    const targets = findCrowd();
    empty = targets.length === 0 ? empty + 1 : 0;
    killAll(targets);
    await sleep(5);
  }
  return { strays, swept: false };
}

/** Targets for kill(2) that reach the strays; none when they are not the majority. */
function findCrowd(): number[] {
  const processes = listProcesses().filter(({ state }) => state !== 'Z');
  const keepers = new Set([1, process.pid, process.ppid]);
  const orphans = processes.filter(({ pid, parent }) => parent === 1 && !keepers.has(pid));
  const own = new Set(descendants(processes, process.pid));
  const strays = selectTree(processes, undefined, new Set(orphans.map(({ pid }) => pid))).filter(
    (pid) => !own.has(pid) && !keepers.has(pid),
  );
  return strays.length * 2 < processes.length ? [] : killTargets(processes, strays);
}

function descendants(processes: readonly ProcessInfo[], root: number): number[] {
  const children = processes.filter(({ parent }) => parent === root).map(({ pid }) => pid);
  return selectTree(processes, undefined, new Set(children));
}

async function sweep({ uid, gid }: Account): Promise<void> {
  const child = spawn('/usr/bin/python3', ['-IS', '-c', SWEEP, String(uid), String(gid)], {
    stdio: 'ignore',
    timeout: SWEEP_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  // It ends by its own signal; one that could not be started is tried again at the next look.
  await once(child, 'exit').catch(() => undefined);
}

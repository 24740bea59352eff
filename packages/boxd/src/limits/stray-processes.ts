import { setTimeout as sleep } from 'node:timers/promises';
import { killTargets, lookAtProcesses, selectTree, type ProcessInfo } from '../exec/process-tree.ts';
import { killAll } from './process-families.ts';

const LIMIT_MS = 2000;
const EMPTY_LOOKS = 3;

/** What was ended to make room for processes. */
export interface Relief {
  /** Background processes that were found. */
  strays: number;
  /** Whether in the end all processes of the account had to go. */
  swept: boolean;
}

/**
 * Ends background processes when they are most of the box's, such as a fork bomb whose command has been answered:
 * nothing else would end them. Where they multiply faster than they can be found, everything of the account goes.
 * Does nothing when they are not what fills the box.
 * @param sweep ends everything of the account.
 */
export async function endStrayCrowd(sweep: () => Promise<void>): Promise<Relief> {
  const deadline = performance.now() + LIMIT_MS;
  let strays = 0;
  for (let empty = 0; empty < EMPTY_LOOKS;) {
    const crowd = findCrowd();
    if (!crowd || performance.now() > deadline) {
      await sweep();
      return { strays, swept: true };
    }
    if (strays === 0 && crowd.length === 0) return { strays, swept: false };
    strays ||= crowd.length;
    empty = crowd.length === 0 ? empty + 1 : 0;
    killAll(crowd);
    await sleep(5);
  }
  return { strays, swept: false };
}

/** Targets for kill(2) that reach the strays; none when they are not the majority, undefined without time to find out. */
function findCrowd(): number[] | undefined {
  const look = lookAtProcesses();
  if (!look.whole) return undefined;
  const processes = look.processes.filter(({ state }) => state !== 'Z');
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

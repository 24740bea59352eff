import type { BoxIsolation, BoxLimits } from '../driver.ts';
import { CPU_PERIOD_US } from './cgroups.ts';
import type { GroupLimits } from './cgroups.ts';

const MIB = 1024 * 1024;

/**
 * What gVisor itself takes of the host beside what runs in the box. Too little of it would end the whole box where a
 * single program should fail: its kernel has no way to go on without memory or threads.
 */
const GVISOR_MEMORY_BYTES = 512 * MIB;
/** Share of the memory that programs may take for a moment beside it, till what looks after them has ended them. */
const GVISOR_MEMORY_SHARE = 1 / 8;
const GVISOR_THREADS = 512;
/** A thread in the box is one of the sentry and one of a process that holds its memory. */
const GVISOR_THREADS_EACH = 3;

/** What the host holds the processes of a box to, all together. */
export function groupLimits(limits: BoxLimits, isolation: BoxIsolation, cpuset: string): GroupLimits {
  const { cpus, memoryBytes, pids } = limits;
  if (isolation === 'container') return { cpus, cpuset, memoryBytes, pids };
  return {
    cpus,
    cpuset,
    memoryBytes: Math.round(memoryBytes * (1 + GVISOR_MEMORY_SHARE)) + GVISOR_MEMORY_BYTES,
    pids: pids * GVISOR_THREADS_EACH + GVISOR_THREADS,
  };
}

/** Limits in the form the runtime takes; it translates them for cgroup v1 and v2. */
export function runtimeResources(limits: GroupLimits, limitsSwap: boolean): object {
  const { cpus, cpuset, memoryBytes, pids } = limits;
  return {
    cpu: {
      quota: Math.round(cpus * CPU_PERIOD_US),
      period: CPU_PERIOD_US,
      ...(cpuset === '' ? {} : { cpus: cpuset }),
    },
    memory: { limit: memoryBytes, ...(limitsSwap ? { swap: memoryBytes } : {}) },
    pids: { limit: pids },
    // The runtime adds the harmless ones: null, zero, full, random, urandom, tty and the box's own terminals.
    devices: [{ allow: false, access: 'rwm' }],
  };
}

interface ProcessLimit {
  type: string;
  hard: number;
  soft: number;
}

function processLimit(type: string, value: number): ProcessLimit {
  return { type, hard: value, soft: value };
}

/**
 * Limits that every process of the box starts with.
 * @param mostOpenFiles the host's own hard limit, which needs a capability to be raised.
 */
export function processLimits(
  { openFiles, pids }: BoxLimits,
  isolation: BoxIsolation,
  mostOpenFiles: number,
): ProcessLimit[] {
  const common = [
    // One byte, not none: with none the kernel would still feed a dump to a program of the host (core(5)).
    processLimit('RLIMIT_CORE', 1),
    processLimit('RLIMIT_NOFILE', Math.min(openFiles, mostOpenFiles)),
  ];
  // Inside gVisor no cgroup counts processes, so each user of the box has this many.
  return isolation === 'gvisor' ? [...common, processLimit('RLIMIT_NPROC', pids)] : common;
}

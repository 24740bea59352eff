import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the box's own cgroup says, as far as it can be seen in the box. Numbers are null where it cannot. */
export interface CgroupCounters {
  memoryLimitBytes: number | null;
  /** Without the pages of files that the kernel can drop. */
  memoryUsedBytes: number | null;
  pidsLimit: number | null;
  pids: number | null;
  /** Processes that the kernel killed for want of memory since the box started. */
  oomKills: number | null;
  /** How often a process could not be made because of the limit. */
  pidsRefused: number | null;
  cpuLimit: number | null;
  cpuSeconds: number | null;
}

/** A limit this large is the kernel's way to say that there is none (v1). */
const UNLIMITED = 2 ** 60;

/** Reads the counters of cgroup v1, hybrid or v2 (docs.kernel.org, "cgroup-v1/memory" and "cgroup-v2"). */
export function readCgroup(root = '/sys/fs/cgroup'): CgroupCounters {
  const first = (...names: string[]): string | null => {
    for (const name of names) {
      const text = readText(join(root, name));
      if (text !== null) return text;
    }
    return null;
  };
  const usage = toNumber(first('memory/memory.usage_in_bytes', 'memory.current'));
  const stat = first('memory/memory.stat', 'memory.stat');
  const cache = field(stat, 'total_inactive_file') ?? field(stat, 'inactive_file') ?? 0;
  return {
    memoryLimitBytes: toNumber(first('memory/memory.limit_in_bytes', 'memory.max')),
    memoryUsedBytes: usage === null ? null : Math.max(0, usage - cache),
    pidsLimit: toNumber(first('pids/pids.max', 'pids.max')),
    pids: toNumber(first('pids/pids.current', 'pids.current')),
    oomKills: field(first('memory/memory.oom_control', 'memory.events'), 'oom_kill'),
    pidsRefused: field(first('pids/pids.events', 'pids.events'), 'max'),
    cpuLimit: cpus(
      first('cpu.max') ?? [first('cpu/cpu.cfs_quota_us'), first('cpu/cpu.cfs_period_us')].join(' '),
    ),
    cpuSeconds:
      scaled(toNumber(first('cpuacct/cpuacct.usage', 'cpu/cpuacct.usage')), 1e9) ??
      scaled(field(first('cpu.stat'), 'usage_usec'), 1e6),
  };
}

/** Processes and threads that one account may have; null without a limit. */
export function readProcessLimit(limits = '/proc/self/limits'): number | null {
  const found = /^Max processes\s+(\d+)/m.exec(readText(limits) ?? '');
  return found ? Number(found[1]) : null;
}

function scaled(value: number | null, divisor: number): number | null {
  return value === null ? null : value / divisor;
}

function cpus(text: string): number | null {
  const [quota, period] = text.split(/\s+/).map(Number);
  return quota && period && quota > 0 ? quota / period : null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

function toNumber(text: string | null): number | null {
  const number = Number(text ?? 'none');
  return Number.isFinite(number) && number < UNLIMITED ? number : null;
}

/** Number in a line `name number`. */
function field(text: string | null, name: string): number | null {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? null : toNumber(line.slice(name.length + 1));
}

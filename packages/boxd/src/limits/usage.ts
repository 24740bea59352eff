import { DEFAULT_OUTPUT_BYTES, type BoxLimitsConfig, type BoxUsage } from '@banata/protocol/box';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { stat, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readCgroup, type CgroupCounters } from './cgroup-counters.ts';
import { readMemoryInfo } from './memory-info.ts';
import { countThreads } from './process-families.ts';
import { isGvisor } from './watchdog.ts';

const COUNT_TIMEOUT_MS = 5000;
/** What was counted on the disk is good for this long; counting takes the disk's time. */
const COUNT_FRESH_MS = 5000;

const run = promisify(execFile);

export interface UsageOptions {
  limits: () => BoxLimitsConfig | undefined;
  workspace: string;
  /** Folder that only the box writes to: what lies on its device was written in the box. */
  stateDir: string;
}

/** Answers what the box may use and uses. */
export class UsageReader {
  readonly #options: UsageOptions;
  #counted: { at: number; bytes: Promise<number | null> } | undefined;

  constructor(options: UsageOptions) {
    this.#options = options;
  }

  async read(): Promise<BoxUsage> {
    const { limits: known, workspace } = this.#options;
    const limits = known();
    const cgroup = readCgroup();
    const disk = await statfs(workspace).catch(() => undefined);
    return {
      cpus: {
        limit: limits?.cpus ?? cgroup.cpuLimit ?? availableParallelism(),
        usedSeconds: cgroup.cpuSeconds,
      },
      memoryBytes: memory(limits, cgroup),
      pids: {
        limit: limits?.pids ?? cgroup.pidsLimit,
        used: isGvisor() ? countThreads() : (cgroup.pids ?? countThreads()),
      },
      diskBytes: {
        limit: limits?.diskBytes ?? (disk ? disk.blocks * disk.bsize : null),
        used: await this.#diskUsed(),
      },
      openFiles: { limit: openFiles() },
      outputBytes: { limit: outputBytesOf(limits) },
    };
  }

  #diskUsed(): Promise<number | null> {
    const now = performance.now();
    if (!this.#counted || now - this.#counted.at > COUNT_FRESH_MS) {
      this.#counted = { at: now, bytes: count(this.#options) };
    }
    return this.#counted.bytes;
  }
}

function memory(limits: BoxLimitsConfig | undefined, cgroup: CgroupCounters): BoxUsage['memoryBytes'] {
  const info = readMemoryInfo();
  const visible = isGvisor() ? null : cgroup.memoryUsedBytes;
  const limit = limits?.memoryBytes ?? cgroup.memoryLimitBytes ?? info.totalBytes;
  return { limit, used: visible ?? info.totalBytes - info.availableBytes };
}

/** What a box with these limits keeps of each output stream. */
export function outputBytesOf(limits: BoxLimitsConfig | undefined): number {
  return limits?.outputBytes ?? DEFAULT_OUTPUT_BYTES;
}

function openFiles(): number | null {
  const found = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return found ? Number(found[1]) : null;
}

/** Blocks of the files that are not the image's: an overlay shows those with a device of their own. */
async function count({ workspace, stateDir }: UsageOptions): Promise<number | null> {
  // gVisor shows one device for all of it.
  if (isGvisor()) return null;
  try {
    const [root, inner, own] = await Promise.all(['/', workspace, stateDir].map((path) => deviceOf(path)));
    const places = inner === root ? ['/'] : ['/', workspace];
    const probe = join(stateDir, 'device');
    await writeFile(probe, '');
    const device = own === root ? await deviceOf(probe) : own;
    const sum = `find "$@" -xdev -type f -printf '%D %b\\n' | awk -v d=${device} '$1 == d { n += $2 } END { print n + 0 }'`;
    const { stdout } = await run('/bin/sh', ['-c', sum, 'count', ...places], {
      timeout: COUNT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    return Number(stdout) * 512;
  } catch {
    return null;
  }
}

async function deviceOf(path: string): Promise<number> {
  return (await stat(path)).dev;
}

import type { BoxLimitName, BoxLimitsConfig } from '@banata/protocol/box';
import { readdirSync } from 'node:fs';
import { release, version } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryInfo } from './memory-info.ts';
import {
  type Candidate,
  countThreads,
  familiesOf,
  killAll,
  withChildren,
  readCandidates,
} from './process-families.ts';

/** Share of a limit at which it acts: programs go on allocating while it looks. */
const MEMORY_SHARE = 0.85;
/** Share of the limit that is free again after it acted: many programs may be growing at the same time. */
const MEMORY_SLACK = 0.1;
const PIDS_SHARE = 0.85;
const MIN_INTERVAL_MS = 25;
const MAX_INTERVAL_MS = 500;
/** What ended programs held is free by then; until then it counts as free, or others would be ended for it. */
const FREED_MS = 400;
const MAX_ROUNDS = 50;
/** What programs can take in a millisecond, which decides how soon to look again. */
const BYTES_PER_MS = 3 * 1024 * 1024;
const PROCESSES_PER_MS = 1;

export interface WatchdogOptions {
  /** Known once the box is configured. */
  limits: () => BoxLimitsConfig | undefined;
  readMemory: () => MemoryInfo;
  report: (limit: BoxLimitName, detail: string) => void;
  /** The processes it may end, and how. Default: those of this machine, which has to be a box. */
  processes?: WatchedProcesses;
}

/** What the watchdog sees and does. */
export interface WatchedProcesses {
  count: () => number;
  countThreads: () => number;
  candidates: () => Candidate[];
  kill: (pids: readonly number[]) => void;
}

const boxProcesses: WatchedProcesses = {
  count: () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length,
  countThreads,
  candidates: readCandidates,
  kill: killAll,
};

/** Whether this box's kernel is gVisor's (its pkg/sentry/syscalls/linux/linux64.go names both). */
export function isGvisor(kernel = { release: release(), version: version() }): boolean {
  return /gvisor/i.test(kernel.release) || kernel.version.includes('Jan 10 15:06:54 PST 2016');
}

/**
 * Ends the largest programs before the box runs out of memory or processes. For gVisor, which knows no such limits
 * itself: its process on the host is what reaches them, and the whole box ends with it.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #processes: WatchedProcesses;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Memory of programs that were ended, and when it has to be free. */
  #ended = { bytes: 0, until: 0 };

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#processes = options.processes ?? boxProcesses;
  }

  start(): void {
    this.#schedule(MIN_INTERVAL_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Looks, acts where needed, and answers when to look again, in milliseconds. */
  look(): number {
    const memory = this.#memoryLeft() + this.#memoryToBeFree();
    const processes = this.#processesLeft();
    if (memory <= 0) this.#endLargest(-memory);
    if (processes <= 0) this.#endMost();
    const wait = Math.min(memory / BYTES_PER_MS, processes / PROCESSES_PER_MS);
    return Math.max(MIN_INTERVAL_MS, Math.min(MAX_INTERVAL_MS, wait));
  }

  /** For when programs stand still: ends as many as needed, and resolves when there is memory again. */
  async makeRoom(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS && this.#memoryLeft() <= 0; round += 1) {
      this.look();
      await sleep(MIN_INTERVAL_MS);
    }
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#schedule(this.look()), delayMs).unref();
  }

  #memoryLimit(): number {
    const { totalBytes } = this.#options.readMemory();
    return Math.min(this.#options.limits()?.memoryBytes ?? totalBytes, totalBytes);
  }

  #memoryLeft(): number {
    const { totalBytes, availableBytes } = this.#options.readMemory();
    return this.#memoryLimit() * MEMORY_SHARE - (totalBytes - availableBytes);
  }

  #memoryToBeFree(): number {
    return performance.now() < this.#ended.until ? this.#ended.bytes : 0;
  }

  #processesLeft(): number {
    const limits = this.#options.limits();
    if (!limits) return Number.POSITIVE_INFINITY;
    const allowed = limits.pids * PIDS_SHARE;
    const processes = this.#processes.count();
    // Threads are counted only where they can matter: that takes a look at every process.
    if (processes < allowed / 8) return allowed - processes * 8;
    return allowed - this.#processes.countThreads();
  }

  #endLargest(excessBytes: number): void {
    const candidates = this.#processes.candidates().toSorted((a, b) => b.memoryBytes - a.memoryBytes);
    let wanted = excessBytes + this.#memoryLimit() * MEMORY_SLACK;
    const victims: Candidate[] = [];
    for (const candidate of candidates) {
      if (wanted <= 0) break;
      victims.push(candidate);
      wanted -= candidate.memoryBytes;
    }
    const [largest, ...others] = victims;
    if (!largest) return;
    for (const { pid } of victims) this.#processes.kill(withChildren(candidates, pid));
    const bytes = victims.reduce((sum, { memoryBytes }) => sum + memoryBytes, this.#memoryToBeFree());
    this.#ended = { bytes, until: performance.now() + FREED_MS };
    const size = Math.round(largest.memoryBytes / 1024 / 1024);
    const more = others.length > 0 ? `, and ${others.length} smaller ones,` : '';
    this.#options.report(
      'memory',
      `${largest.name} of ${size} MiB${more} was ended with its children: the memory was nearly used up`,
    );
  }

  #endMost(): void {
    const family = familiesOf(this.#processes.candidates())[0];
    const first = family?.members[0];
    if (!family || !first) return;
    this.#processes.kill(family.members.map(({ pid }) => pid));
    const detail = `${first.name} and ${family.members.length - 1} other processes were ended: the processes were nearly used up`;
    this.#options.report('pids', detail);
  }
}

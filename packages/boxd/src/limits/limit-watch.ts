import type { CgroupCounters } from './cgroup-counters.ts';
import type { LimitEvents } from './limit-events.ts';

const INTERVAL_MS = 1000;
const CROWDED_SHARE = 0.95;

export interface LimitWatchOptions {
  events: Pick<LimitEvents, 'report'>;
  read: () => CgroupCounters;
  /** Processes and threads that one account may have. */
  accountLimit: number | null;
  /** Called while nearly all that an account may have are in use, at every look from the second on. */
  crowded: () => Promise<unknown>;
  /** Default 1 s. */
  intervalMs?: number;
}

/** Tells of what the kernel refused or killed because of the box's limits, out of the counters of its cgroup. */
export class LimitWatch {
  readonly #options: LimitWatchOptions;
  #before: CgroupCounters;
  #timer: NodeJS.Timeout | undefined;
  #crowdedLooks = 0;
  #relieving = false;

  constructor(options: LimitWatchOptions) {
    this.#options = options;
    this.#before = options.read();
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), this.#options.intervalMs ?? INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks now, such as after a command that was killed. */
  look(): void {
    const before = this.#before;
    const now = this.#options.read();
    this.#before = now;
    const { events } = this.#options;
    const kills = (now.oomKills ?? 0) - (before.oomKills ?? 0);
    if (kills > 0) {
      const limit = now.memoryLimitBytes === null ? 'its memory limit' : mebibytes(now.memoryLimitBytes);
      events.report(
        'memory',
        `The kernel killed ${kills} ${kills === 1 ? 'process' : 'processes'} since the sandbox used all of ${limit}`,
      );
    }
    this.#lookAtProcesses(now);
    if ((now.pidsRefused ?? 0) > (before.pidsRefused ?? 0)) {
      events.report('pids', `All ${now.pidsLimit ?? ''} processes and threads of the sandbox were in use`);
    }
  }

  #lookAtProcesses({ pids }: CgroupCounters): void {
    const { accountLimit, crowded } = this.#options;
    const full = accountLimit !== null && pids !== null && pids >= accountLimit * CROWDED_SHARE;
    this.#crowdedLooks = full ? this.#crowdedLooks + 1 : 0;
    // One look alone may have met a program that starts many processes and needs them shortly.
    if (this.#crowdedLooks < 2 || this.#relieving) return;
    this.#relieving = true;
    void crowded().finally(() => {
      this.#relieving = false;
    });
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

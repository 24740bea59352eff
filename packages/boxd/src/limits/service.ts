import type { BoxExecResult, BoxLimitsConfig, BoxUsage } from '@banata/protocol/box';
import { join } from 'node:path';
import type { CommandLimits } from '../exec/command-runner.ts';
import type { BoxRoute } from '../http/route.ts';
import type { BoxEnvironment, BoxLogger, EventSink } from '../services.ts';
import { readCgroup, readProcessLimit } from './cgroup-counters.ts';
import type { DiskReserve } from './disk-reserve.ts';
import { LimitEvents } from './limit-events.ts';
import { LimitWatch } from './limit-watch.ts';
import { LimitsSocket } from './limits-socket.ts';
import { Sweeper } from './sweeper.ts';
import { readMemoryInfo } from './memory-info.ts';
import { countThreads } from './process-families.ts';
import { endStrayCrowd } from './stray-processes.ts';
import { UsageReader } from './usage.ts';
import { isGvisor, Watchdog } from './watchdog.ts';

export interface LimitsServiceDeps {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
  /** Known once the box is configured. */
  limits: () => BoxLimitsConfig | undefined;
  reserve: DiskReserve;
}

/** How often the disk is looked at: a program that fills it need not tell anybody. */
const DISK_LOOK_MS = 10_000;
const DISK_FULL_DETAIL =
  'The disk of the sandbox is full; remove files, for example in /workspace, /tmp or ~/.cache';

const SWEPT = {
  crowd: {
    limit: 'pids',
    detail:
      'So many processes wanted to run that the sandbox hardly did; all processes of the account were ended',
  },
  memory: {
    limit: 'memory',
    detail:
      'Programs took memory faster than they could be chosen from; all processes of the account were ended',
  },
} as const;
/** Share of the memory at which there is no time left to choose. The host allows gVisor a little more than all. */
const LAST_MEMORY_SHARE = 0.98;
/** Share of an account's processes from which on they may be why the daemon gets nowhere. */
const CROWD_SHARE = 0.5;

/** The box's limits: what it uses of them, and what happens when it reaches one. */
export class LimitsService implements CommandLimits {
  readonly routes: BoxRoute[];
  readonly #events: LimitEvents;
  readonly #reserve: DiskReserve;
  readonly #watch: LimitWatch;
  readonly #watchdog: Watchdog | undefined;
  readonly #socket: LimitsSocket;
  readonly #sweeper: Sweeper;
  #diskWasFull = false;
  #probing: Promise<boolean> | undefined;
  #diskTimer: NodeJS.Timeout | undefined;

  constructor({ environment, events, logger, limits, reserve }: LimitsServiceDeps) {
    const { workspace, runDir, stateDir, installDir } = environment;
    const gvisor = isGvisor();
    const accountLimit = readProcessLimit();
    this.#sweeper = new Sweeper({
      program: join(installDir, 'libexec/banata-sweep'),
      account: environment.accounts.user,
      kept: gvisor
        ? {
            crowd: Math.round((accountLimit ?? Infinity) * CROWD_SHARE),
            memoryBytes: readMemoryInfo().totalBytes * LAST_MEMORY_SHARE,
            swept: (reason) => this.#events.report(SWEPT[reason].limit, SWEPT[reason].detail),
            held: async () => this.#watchdog?.makeRoom(),
          }
        : undefined,
      logger,
    });
    const usage = new UsageReader({ limits, workspace, stateDir });
    const read = (): Promise<BoxUsage> => usage.read();
    this.routes = [{ method: 'GET', path: '/limits', handle: read }];
    this.#socket = new LimitsSocket({ path: join(runDir, 'limits.sock'), read, logger });
    this.#reserve = reserve;
    this.#events = new LimitEvents({ events, logger });
    this.#watch = new LimitWatch({
      events: this.#events,
      read: () => {
        const counters = readCgroup();
        return { ...counters, pids: counters.pids ?? countThreads() };
      },
      accountLimit,
      crowded: () => this.processesExhausted(),
    });
    this.#watchdog = gvisor
      ? new Watchdog({
          limits,
          readMemory: readMemoryInfo,
          report: (...what) => this.#events.report(...what),
        })
      : undefined;
  }

  async start(): Promise<void> {
    await this.#socket.open();
    this.#watch.start();
    this.#watchdog?.start();
    this.#sweeper.start();
    this.#reserve.start();
    this.#diskTimer = setInterval(() => void this.#lookAtDisk(), DISK_LOOK_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#diskTimer);
    this.#watch.stop();
    this.#watchdog?.stop();
    this.#sweeper.stop();
    this.#reserve.stop();
    await Promise.all([this.#socket.close(), this.#events.stop(), this.#probing]);
  }

  commandEnded({ signal, exitCode }: Pick<BoxExecResult, 'signal' | 'exitCode'>): void {
    if (signal === 'SIGKILL' || exitCode === 137) this.#watch.look();
  }

  get diskWasFull(): boolean {
    return this.#diskWasFull;
  }

  async diskIsFull(): Promise<boolean> {
    this.#diskWasFull = await this.#probe();
    if (this.#diskWasFull) this.diskFull();
    return this.#diskWasFull;
  }

  /** Tells of a disk that has become full, once. Never rejects. */
  async #lookAtDisk(): Promise<void> {
    const before = this.#diskWasFull;
    this.#diskWasFull = await this.#probe();
    if (this.#diskWasFull && !before) this.diskFull();
  }

  #probe(): Promise<boolean> {
    this.#probing ??= this.#reserve.isFull().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  /** A write failed for want of room. */
  diskFull(): void {
    this.#events.report('disk', DISK_FULL_DETAIL);
  }

  /** A process could not be made. Resolves with whether room was made for more. */
  async processesExhausted(): Promise<boolean> {
    const { strays, swept } = await endStrayCrowd(() => this.#sweeper.sweep());
    let detail = 'The processes of the sandbox are used up; end some';
    if (strays > 0 || swept) {
      const what = swept ? 'all processes of the account' : `${strays} groups of processes in the background`;
      detail = `The processes of the sandbox were used up by programs that nobody waited for; ${what} were ended`;
    }
    this.#events.report('pids', detail);
    return strays > 0 || swept;
  }
}

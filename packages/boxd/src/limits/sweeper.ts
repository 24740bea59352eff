import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Account, BoxLogger } from '../services.ts';

const TIMEOUT_MS = 20_000;
const BEAT_MS = 1000;

export interface SweeperOptions {
  /** The program `banata-sweep`. */
  program: string;
  /** Whose processes it ends. */
  account: Account;
  /**
   * For a helper that is started ahead and kept, and sweeps by itself, too: where none can be started in time once it
   * is needed, as in gVisor. Undefined: one is started for each sweep.
   */
  kept:
    | {
        /** This many processes and a daemon that gets nowhere are reason enough. */
        crowd: number;
        /** So is this much memory in use. */
        memoryBytes: number;
        /** Called when the helper swept by itself. */
        swept: (reason: 'crowd' | 'memory') => void;
        /** Called when programs stand still, since they would soon have used up the memory; they go on afterwards. */
        held: () => Promise<void>;
      }
    | undefined;
  logger: BoxLogger;
}

/** Ends all processes of an account at once: the last resort against what multiplies faster than it is found. */
export class Sweeper {
  readonly #options: SweeperOptions;
  #helper: ChildProcess | undefined;
  #sweeping: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Called after the next sweep. */
  #swept: (() => void) | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#options.kept) return;
    this.#prepare();
    this.#timer = setInterval(() => this.#prepare().stdin?.write('beat\n'), BEAT_MS).unref();
  }

  /** Resolves when the processes that there were are gone, or it could not be done. Never rejects. */
  async sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#helper?.kill();
  }

  /** Its streams are missing where the daemon itself has no descriptors left. */
  #prepare(): ChildProcess {
    if (this.#helper) return this.#helper;
    const { program, account, kept, logger } = this.#options;
    const watched = kept ? [String(kept.crowd), String(Math.floor(kept.memoryBytes / 1024))] : [];
    const helper = spawn(program, [String(account.uid), ...watched], {
      cwd: '/',
      env: {},
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#helper = helper;
    const gone = (error?: unknown): void => {
      if (this.#helper === helper) this.#helper = undefined;
      if (error) logger.warn('sweep.helper_failed', { error });
    };
    helper.once('error', gone);
    helper.once('exit', () => gone());
    // Of a helper that is gone; its exit tells.
    helper.stdin?.on('error', () => undefined);
    helper.stdout?.setEncoding('utf8').on('data', (text: string) => {
      for (const word of text.trim().split('\n')) this.#hear(word, helper);
    });
    return helper;
  }

  #hear(word: string, helper: ChildProcess): void {
    const { kept, logger } = this.#options;
    if (word === 'hold') {
      const go = (): void => void helper.stdin?.write('go\n');
      kept?.held().then(go, (error: unknown) => {
        logger.warn('sweep.hold_failed', { error });
        go();
      });
      return;
    }
    this.#swept?.();
    if (word === 'crowd' || word === 'memory') kept?.swept(word);
  }

  async #sweep(): Promise<void> {
    const { logger, kept } = this.#options;
    try {
      const helper = this.#prepare();
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const gone = once(helper, 'exit', { signal });
      const told = new Promise<void>((resolve) => (this.#swept = resolve));
      const over = Promise.race([told, gone]);
      helper.stdin?.write('sweep\n');
      await over;
    } catch (error) {
      logger.error('sweep.failed', { error });
    }
    if (!kept) this.stop();
  }
}

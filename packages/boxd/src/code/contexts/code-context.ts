import type { BoxContext, BoxContextResult } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxError } from '../../http/route.ts';
import { Kernel, type KernelSpec } from './kernel.ts';
import { RunCollector, type RunObserver } from './run-collector.ts';

const MAX_QUEUED = 32;
/** What an interrupted run may take to give up before its interpreter is ended. */
const INTERRUPT_GRACE_MS = 2_000;
const START_LIMIT_MS = 60_000;

export interface ContextRun {
  code: string;
  timeoutMs: number;
  maxOutputBytes: number;
  observer: RunObserver;
  signal: AbortSignal;
}

/** An interpreter that is kept, and the calls that wait for it: one runs, the others in the order they came. */
export class CodeContext {
  readonly #spec: KernelSpec;
  readonly #createdAt = Date.now();
  #kernel: Kernel;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #busy = false;
  #ready = false;
  #closed = false;

  constructor(spec: KernelSpec) {
    this.#spec = spec;
    this.#kernel = new Kernel(spec);
    void this.#start(this.#kernel).catch(() => undefined);
  }

  view(): BoxContext {
    const { id, language, cwd } = this.#spec;
    const status = this.#kernel.isOver ? 'dead' : !this.#ready ? 'starting' : this.#busy ? 'busy' : 'idle';
    return { id, language, cwd, status, queued: this.#waiting, createdAt: this.#createdAt };
  }

  /** Resolves when the interpreter takes code. Throws a {@link BoxError} with the reason when it does not start. */
  async whenReady(): Promise<void> {
    await this.#start(this.#kernel);
  }

  /** Runs code after all that was asked for before. The timeout counts from now. */
  async run(call: ContextRun): Promise<BoxContextResult> {
    if (this.#waiting >= MAX_QUEUED)
      throw new BoxError(
        429,
        'TOO_MANY_COMMANDS',
        `${MAX_QUEUED} calls wait for this context already; wait for some to end`,
      );
    const startedAt = performance.now();
    const limit = AbortSignal.timeout(call.timeoutMs);
    const stop = AbortSignal.any([limit, call.signal]);
    const turn = this.#last;
    const release = Promise.withResolvers<void>();
    this.#last = turn.then(() => release.promise);
    this.#waiting += 1;
    try {
      await Promise.race([turn, aborted(stop)]);
      this.#waiting -= 1;
      const collector = new RunCollector(call.maxOutputBytes, call.observer);
      const restarted = stop.aborted
        ? this.#giveUp(collector, 'The call was given up while it waited for another run')
        : await this.#runNow(call, collector, stop);
      return this.#result(collector, { restarted, timedOut: limit.aborted, startedAt });
    } finally {
      release.resolve();
    }
  }

  interrupt(): void {
    this.#kernel.interrupt();
  }

  /** Starts a new interpreter; a run under way fails. */
  async restart(): Promise<void> {
    await this.#kernel.kill();
    await this.#kernel.ended;
    this.#renew();
    await this.whenReady();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#kernel.kill();
  }

  #renew(): void {
    this.#ready = false;
    this.#kernel = new Kernel(this.#spec);
  }

  async #start(kernel: Kernel): Promise<void> {
    await Promise.race([kernel.started(), sleep(START_LIMIT_MS, undefined, { ref: false })]);
    if (kernel.isOver) {
      const reason = kernel.log.slice(-500) || (await kernel.ended);
      throw new BoxError(503, 'CONTEXT_FAILED', `The interpreter did not start: ${reason}`);
    }
    if (kernel === this.#kernel) this.#ready = true;
  }

  /** @returns whether the interpreter was lost on the way. */
  async #runNow(call: ContextRun, collector: RunCollector, stop: AbortSignal): Promise<boolean> {
    if (this.#closed) throw new BoxError(404, 'CONTEXT_NOT_FOUND', 'The context was deleted');
    if (this.#kernel.isOver) this.#renew();
    const kernel = this.#kernel;
    this.#busy = true;
    try {
      await this.#start(kernel);
      const running = kernel.run(call.code, collector, call.maxOutputBytes);
      await Promise.race([running, aborted(stop)]);
      if (stop.aborted) await this.#breakOff(kernel, running, collector);
      await running;
    } finally {
      this.#busy = false;
    }
    if (!kernel.isOver) return false;
    const how = await kernel.ended;
    collector.fail({
      name: 'KernelDied',
      value: `The interpreter ended (${how}) and its variables are gone; the next run starts a new one.`,
      traceback: [],
    });
    return true;
  }

  async #breakOff(kernel: Kernel, running: Promise<void>, collector: RunCollector): Promise<void> {
    kernel.interrupt();
    const gaveUp = await Promise.race([
      running.then(() => true),
      sleep(INTERRUPT_GRACE_MS, false, { ref: false }),
    ]);
    if (gaveUp) return;
    collector.fail({
      name: 'KernelDied',
      value:
        'The code did not give up when it was interrupted, so its interpreter was ended; its variables are gone.',
      traceback: [],
    });
    await kernel.kill();
  }

  #giveUp(collector: RunCollector, value: string): boolean {
    collector.fail({ name: 'Timeout', value, traceback: [] });
    return false;
  }

  #result(
    collector: RunCollector,
    state: { restarted: boolean; timedOut: boolean; startedAt: number },
  ): BoxContextResult {
    const outcome = collector.finish();
    return {
      ...outcome,
      exitCode: state.timedOut || state.restarted ? null : outcome.error ? 1 : 0,
      signal: null,
      durationMs: Math.round((performance.now() - state.startedAt) * 1000) / 1000,
      timedOut: state.timedOut,
      stdoutFile: null,
      stderrFile: null,
      context: this.#spec.id,
      restarted: state.restarted,
    };
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

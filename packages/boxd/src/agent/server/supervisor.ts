import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxAgentState } from '@banata/protocol/box';
import type { BoxLogger } from '../../services.ts';
import type { AgentConnection } from './connection.ts';
import { RestartDelay } from './restart-delay.ts';

/** What the supervisor starts and stops: one life of the agent server. */
export interface SupervisedServer {
  start(): Promise<AgentConnection>;
  stop(connection: AgentConnection | null): Promise<void>;
}

export interface SupervisorOptions {
  /** Makes the next life; rejects when its conditions cannot be met. */
  create: () => Promise<SupervisedServer>;
  logger: BoxLogger;
  onReady: (connection: AgentConnection) => void;
  onFailed: (reason: string) => void;
}

/** The agent server was stopped or does not come up; the message says why. */
export class AgentUnavailableError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'AgentUnavailableError';
  }
}

type Phase =
  | { state: 'starting' | 'failed' | 'off'; reason: string | null }
  | { state: 'ready'; connection: AgentConnection };

/** Keeps one agent server running: starts it, starts it again when it ends, with growing pauses up to 30 s. */
export class AgentSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<() => void>();
  #phase: Phase = { state: 'starting', reason: null };
  #run: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#run ??= this.#loop();
  }

  /** Resolves when the server and everything its tools run are gone. */
  async stop(): Promise<void> {
    this.#stopping.abort(new AgentUnavailableError('the agent is being stopped'));
    await this.#run;
  }

  /** State without regard to tasks. */
  state(): Pick<BoxAgentState, 'reason' | 'version'> & { state: 'starting' | 'failed' | 'off' | 'ready' } {
    const phase = this.#phase;
    if (phase.state === 'ready') return { state: 'ready', reason: null, version: phase.connection.version };
    return { state: phase.state, reason: phase.reason, version: null };
  }

  connection(): AgentConnection | null {
    const phase = this.#phase;
    // The end of a server is known to its connection before it is to the loop.
    return phase.state === 'ready' && !phase.connection.closed.aborted ? phase.connection : null;
  }

  /** Waits for a running server; rejects with {@link AgentUnavailableError} after `timeoutMs` or when stopped. */
  async whenReady(timeoutMs: number, signal: AbortSignal): Promise<AgentConnection> {
    const limit = AbortSignal.any([signal, this.#stopping.signal, AbortSignal.timeout(timeoutMs)]);
    for (;;) {
      const connection = this.connection();
      if (connection !== null) return connection;
      if (limit.aborted) {
        signal.throwIfAborted();
        throw new AgentUnavailableError(
          this.state().reason ?? `the agent did not start within ${timeoutMs / 1000} s`,
        );
      }
      await this.#nextPhase(limit);
    }
  }

  #nextPhase(limit: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        limit.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      limit.addEventListener('abort', done);
    });
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    for (const wake of this.#waiting) wake();
  }

  async #loop(): Promise<void> {
    const delay = new RestartDelay();
    let failed = false;
    while (!this.#stopping.signal.aborted) {
      const { reason, livedMs } = await this.#life(() => {
        failed = false;
      });
      if (this.#stopping.signal.aborted) break;
      const next = delay.next(livedMs);
      this.#options.logger.warn('agent.server.ended', { reason, livedMs, ...next });
      if (next.failed && !failed) {
        failed = true;
        this.#options.onFailed(reason);
      }
      this.#enter({ state: failed ? 'failed' : 'starting', reason });
      await sleep(next.delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
    this.#enter({ state: 'off', reason: 'the agent was stopped' });
  }

  /** Never rejects. */
  async #life(onReady: () => void): Promise<{ reason: string; livedMs: number }> {
    let server: SupervisedServer | null = null;
    let connection: AgentConnection | null = null;
    let readyAt: number | null = null;
    let reason = '';
    try {
      server = await this.#options.create();
      connection = await this.#startUnlessStopped(server);
      readyAt = performance.now();
      onReady();
      this.#enter({ state: 'ready', connection });
      this.#options.onReady(connection);
      reason = await this.#whenOver(connection);
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    const livedMs = readyAt === null ? 0 : performance.now() - readyAt;
    // Nobody may take a server that is about to end.
    if (readyAt !== null) this.#enter({ state: 'starting', reason });
    await server?.stop(connection).catch((error: unknown) => {
      this.#options.logger.error('agent.server.stop', { error });
    });
    return { reason, livedMs };
  }

  /** A stop must not wait until a slow start is through. */
  async #startUnlessStopped(server: SupervisedServer): Promise<AgentConnection> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const end = (): void => {
      server.stop(null).catch((error: unknown) => this.#options.logger.error('agent.server.stop', { error }));
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      return await server.start();
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  async #whenOver(connection: AgentConnection): Promise<string> {
    const over = AbortSignal.any([connection.closed, this.#stopping.signal]);
    if (!over.aborted) {
      await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }));
    }
    const reason: unknown = over.reason;
    return reason instanceof Error ? reason.message : String(reason);
  }
}

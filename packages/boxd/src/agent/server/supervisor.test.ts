import { describe, expect, test } from 'vitest';
import { createLogger } from '../../logger.ts';
import { OpenCodeClient } from '../opencode/client.ts';
import { OpenCodeEventStream } from '../opencode/event-stream.ts';
import type { AgentConnection } from './connection.ts';
import { AgentSupervisor, AgentUnavailableError, type SupervisedServer } from './supervisor.ts';

const logger = createLogger({ write: () => undefined });
const never = new AbortController().signal;

/** A server whose life the test decides. */
class Life implements SupervisedServer {
  readonly #closed = new AbortController();
  readonly #started = Promise.withResolvers<AgentConnection>();
  stopped = 0;

  async start(): Promise<AgentConnection> {
    return this.#started.promise;
  }

  async stop(): Promise<void> {
    this.stopped += 1;
    this.#started.reject(new Error('stopped'));
    this.#closed.abort(new Error('stopped'));
  }

  up(): void {
    const client = new OpenCodeClient({ baseUrl: 'http://127.0.0.1:1', password: '', directory: '/' });
    const kill = (reason: string): void => this.#closed.abort(new Error(reason));
    const events = new OpenCodeEventStream(client, logger);
    const state = { closed: this.#closed.signal, port: 4096, hasBrowserTools: () => false, kill };
    this.#started.resolve({ client, events, version: '1', ...state });
  }

  down(reason: string): void {
    this.#started.reject(new Error(reason));
    this.#closed.abort(new Error(reason));
  }
}

function supervise(): {
  supervisor: AgentSupervisor;
  lives: Life[];
  told: string[];
  next: () => Promise<Life>;
} {
  const lives: Life[] = [];
  const told: string[] = [];
  const waiting: Array<(life: Life) => void> = [];
  const supervisor = new AgentSupervisor({
    create: async () => {
      const life = new Life();
      lives.push(life);
      waiting.shift()?.(life);
      return life;
    },
    logger,
    onReady: () => told.push('ready'),
    onFailed: (reason) => told.push(`failed: ${reason}`),
  });
  return { supervisor, lives, told, next: () => new Promise((resolve) => waiting.push(resolve)) };
}

describe('the supervisor', () => {
  test('hands the connection to those who wait, and to those who come later', async () => {
    const { supervisor, next, told } = supervise();
    const first = next();
    supervisor.start();
    const waiting = supervisor.whenReady(5_000, never);
    (await first).up();
    const connection = await waiting;
    expect(await supervisor.whenReady(0, never)).toBe(connection);
    expect(supervisor.state()).toEqual({ state: 'ready', reason: null, version: '1' });
    expect(told).toEqual(['ready']);
    await supervisor.stop();
  });

  test('starts another server when one ends, after clearing up', async () => {
    const { supervisor, lives, next } = supervise();
    const first = next();
    supervisor.start();
    (await first).up();
    await supervisor.whenReady(1_000, never);
    const second = next();
    lives[0]?.down('it crashed');
    (await second).up();
    await supervisor.whenReady(5_000, never);
    expect(lives[0]?.stopped).toBe(1);
    expect(lives).toHaveLength(2);
    await supervisor.stop();
    expect(lives[1]?.stopped).toBe(1);
  });

  test('gives the reason to who waited in vain', async () => {
    const { supervisor, lives, next } = supervise();
    const first = next();
    supervisor.start();
    (await first).down('no such program');
    await expect(supervisor.whenReady(100, never)).rejects.toThrow(
      new AgentUnavailableError('no such program'),
    );
    await supervisor.stop();
    expect(lives[0]?.stopped).toBe(1);
  });

  test('stops in the middle of a start', async () => {
    const { supervisor, lives, next } = supervise();
    const first = next();
    supervisor.start();
    await first;
    const waiting = supervisor.whenReady(10_000, never);
    await Promise.all([supervisor.stop(), expect(waiting).rejects.toThrow(AgentUnavailableError)]);
    expect(supervisor.state().state).toBe('off');
    expect(lives).toHaveLength(1);
  });
});

import type { BoxEventBody } from '@banata/protocol/box';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../logger.ts';
import { EventPublisher } from '../events/publisher.ts';
import { OpenCodeClient } from '../opencode/client.ts';
import { OpenCodeEventStream } from '../opencode/event-stream.ts';
import { TASK_LIMITS } from './limits.ts';
import { NO_USAGE } from './task-record.ts';
import { TaskStopped } from './stop-reason.ts';
import { Turn } from './turn.ts';

/*
 * OpenCode's API as far as a turn uses it, without the event stream: whatever an event would bring has to come from
 * the polls.
 */
let status: object;
let messages: object[];
let answering: boolean;
let aborts: number;
let polls: number;
let server: Server;
let journal: BoxEventBody[];
let killed: string[];
let closed: AbortController;

const SESSION = 'ses_1';
const tokens = { input: 5, output: 3, reasoning: 0, cache: { read: 2, write: 0 } };
const about = { sessionID: SESSION, time: { created: 1, completed: 2 } };
const user = { info: { id: 'u', role: 'user', ...about }, parts: [] };
const AMOUNTS = { inputTokens: 7, outputTokens: 3, costUsd: 0.5, modelCalls: 1 };

const answer = (finish: string): object => ({
  info: { id: 'a', role: 'assistant', ...about, cost: 0.5, tokens, finish },
  parts: [{ id: 'p', sessionID: SESSION, messageID: 'a', type: 'text', text: 'the answer' }],
});

beforeEach(async () => {
  status = { [SESSION]: { type: 'busy' } };
  messages = [user];
  answering = true;
  [aborts, polls] = [0, 0];
  [journal, killed] = [[], []];
  closed = new AbortController();
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://opencode');
    if (!answering) return;
    if (pathname === '/session/status') polls += 1;
    if (pathname.endsWith('/abort')) {
      aborts += 1;
      status = {};
    }
    const replies: Record<string, unknown> = {
      '/session/status': status,
      [`/session/${SESSION}/message`]: messages,
    };
    response.end(JSON.stringify(replies[pathname] ?? true));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function openTurn(): Turn {
  const logger = createLogger({ write: () => undefined });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new OpenCodeClient({ baseUrl, password: 'x', directory: '/w' });
  const kill = (reason: string): void => {
    killed.push(reason);
    closed.abort(new Error(reason));
  };
  const events = new OpenCodeEventStream(client, logger);
  return new Turn({
    connection: {
      client,
      events,
      version: '1',
      port: 4096,
      closed: closed.signal,
      hasBrowserTools: () => false,
      kill,
    },
    publisher: new EventPublisher({ append: async (body) => void journal.push(body) }, logger),
    logger,
    limits: { ...TASK_LIMITS, pollMs: 30, noAnswerMs: 300, unresponsiveMs: 300 },
    taskId: 't',
    sessionId: SESSION,
    lastMessageBefore: null,
    repairTools: () => undefined,
    onTool: () => undefined,
    budget: null,
    spent: NO_USAGE,
  });
}

const never = new AbortController().signal;

describe('a turn whose event stream is silent', () => {
  test('is over when the session rests with an answer, and shows it', async () => {
    using turn = openTurn();
    const outcome = turn.finish(never);
    await expect.poll(() => polls).toBeGreaterThan(2);
    messages = [user, answer('stop')];
    status = {};
    expect(await outcome).toEqual({
      status: 'completed',
      resultText: 'the answer',
      heldBack: false,
      usage: { ...AMOUNTS, byModel: { unknown: AMOUNTS } },
    });
    expect(journal.map(({ type }) => type)).toEqual(['agent.status', 'agent.status', 'agent.part']);
  });

  test('waits while an answer that calls tools is followed by none', async () => {
    messages = [user, answer('tool-calls')];
    status = {};
    using turn = openTurn();
    const outcome = turn.finish(never);
    await expect.poll(() => polls).toBeGreaterThan(2);
    messages = [user, answer('stop')];
    expect(await outcome).toMatchObject({ status: 'completed' });
  });

  test('fails when the session rests and no answer comes', async () => {
    status = {};
    using turn = openTurn();
    expect(await turn.finish(never)).toMatchObject({ status: 'failed', error: { code: 'AGENT_ERROR' } });
  });

  test('fails when the model asks for a long pause, and not for a short one', async () => {
    status = { [SESSION]: { type: 'retry', attempt: 1, message: 'busy', next: Date.now() + 30_000 } };
    using turn = openTurn();
    const outcome = turn.finish(never);
    await expect.poll(() => polls).toBeGreaterThan(2);
    expect(aborts).toBe(0);
    status = { [SESSION]: { type: 'retry', attempt: 2, message: 'busy', next: Date.now() + 3_600_000 } };
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'MODEL_RATE_LIMITED' } });
    expect(aborts).toBe(1);
  });

  test('is aborted in the agent server when it is cancelled', async () => {
    using turn = openTurn();
    const controller = new AbortController();
    const outcome = turn.finish(controller.signal);
    await expect.poll(() => polls).toBeGreaterThan(0);
    messages = [user, answer('tool-calls')];
    controller.abort(new TaskStopped({ kind: 'cancelled' }));
    expect(await outcome).toMatchObject({ status: 'cancelled', error: null, resultText: 'the answer' });
    expect(aborts).toBe(1);
  });

  test('is left alone when the daemon stops', async () => {
    using turn = openTurn();
    const stop = AbortSignal.abort(new TaskStopped({ kind: 'shutdown' }));
    expect(await turn.finish(stop)).toEqual({ status: 'shutdown' });
    expect(aborts).toBe(0);
  });

  test('is lost when the agent server ends', async () => {
    using turn = openTurn();
    const outcome = turn.finish(never);
    closed.abort(new Error('crashed'));
    expect(await outcome).toMatchObject({ status: 'lost' });
  });

  test('ends an agent server that no longer answers', { timeout: 20_000 }, async () => {
    answering = false;
    using turn = openTurn();
    expect(await turn.finish(never)).toMatchObject({ status: 'lost' });
    expect(killed).toEqual(['it no longer answers']);
  });
});

import type { AgentTask, BanataEvent, EventData, EventType } from '@banata-boxes/sdk';
import { describe, expect, it } from 'vitest';
import { addEvent, currentWork, emptyTranscript, type Transcript } from './transcript.ts';

const usage = { inputTokens: 1, outputTokens: 1, costUsd: 0, modelCalls: 1, byModel: {} };
const session = { sessionId: 's', taskId: 't', messageId: 'm' };

function task(change: Partial<AgentTask> = {}): AgentTask {
  return {
    taskId: 't',
    sandboxId: 'b',
    status: 'queued',
    prompt: 'do it',
    agent: null,
    sessionId: null,
    metadata: {},
    model: null,
    files: [],
    resultText: null,
    structured: null,
    filesChanged: [],
    report: null,
    skillId: null,
    replay: null,
    error: null,
    usage,
    createdAt: 1,
    startedAt: null,
    finishedAt: null,
    ...change,
  };
}

function event<T extends EventType>(seq: number, type: T, data: EventData<T>): BanataEvent {
  return { id: `e${seq}`, sandboxId: 'b', seq, type, data, createdAt: 0 } as BanataEvent;
}

function delta(seq: number, text: string): BanataEvent {
  return event(seq, 'sandbox.agent.text.delta', { ...session, partId: 'p', text });
}

function play(...events: BanataEvent[]): Transcript {
  return events.reduce(addEvent, emptyTranscript);
}

describe('addEvent', () => {
  it('joins text as it is written and replaces it by the whole', () => {
    expect(play(delta(1, 'Hel'), delta(2, 'lo')).entries).toMatchObject([{ text: 'Hello', done: false }]);
    const whole = event(3, 'sandbox.agent.part', {
      ...session,
      part: { type: 'text', id: 'p', text: 'Hello!' },
    });
    expect(play(delta(1, 'Hel'), whole, delta(4, 'lo!')).entries).toMatchObject([
      { text: 'Hello!', done: true },
    ]);
  });

  it('shows a tool call once, in its newest state', () => {
    const call = (seq: number, status: 'running' | 'completed', output: string | null): BanataEvent =>
      event(seq, 'sandbox.agent.part', {
        ...session,
        part: { type: 'tool', id: 'c', tool: 'bash', status, input: { command: 'ls' }, output },
      });
    expect(play(call(1, 'running', null), call(2, 'completed', 'a')).entries).toMatchObject([
      { kind: 'tool', status: 'completed', output: 'a' },
    ]);
  });

  it('shows a task’s prompt at its beginning and its end at its end', () => {
    const transcript = play(
      event(1, 'sandbox.agent.task.queued', task()),
      event(2, 'sandbox.agent.task.running', task({ status: 'running', startedAt: 2 })),
      delta(3, 'x'),
      event(4, 'sandbox.agent.task.completed', task({ status: 'completed', finishedAt: 3 })),
    );
    expect(transcript.entries.map(({ kind }) => kind)).toEqual(['prompt', 'text', 'end']);
  });

  it('marks thoughts, keeps reports, and passes over what it does not show', () => {
    const thought = event(1, 'sandbox.agent.part', {
      ...session,
      part: { type: 'reasoning', id: 'r', text: 'hm' },
    });
    const report = event(2, 'sandbox.agent.task.report', {
      taskId: 't',
      report: { result: 'success', report: 'done', completedAt: 1 },
    });
    const transcript = play(thought, report, event(3, 'sandbox.idle', {}));
    expect(transcript.entries).toMatchObject([{ thought: true }, { kind: 'report', result: 'success' }]);
  });

  it('keeps the newest 2,000 entries', () => {
    const parts = Array.from({ length: 2_100 }, (_, index) =>
      event(index, 'sandbox.agent.part', {
        ...session,
        part: { type: 'text', id: `p${index}`, text: 'x' },
      }),
    );
    const { entries } = play(...parts);
    expect(entries).toHaveLength(2_000);
    expect(entries.at(-1)?.key).toBe('p2099');
  });
});

describe('currentWork', () => {
  it('finds the open task and the newest session', () => {
    expect(currentWork(emptyTranscript)).toEqual({ open: null, sessionId: null });
    const transcript = play(
      event(1, 'sandbox.agent.task.completed', task({ sessionId: 's1', finishedAt: 1 })),
      event(2, 'sandbox.agent.task.completed', task({ taskId: 'u', sessionId: 's2', finishedAt: 2 })),
      event(3, 'sandbox.agent.task.queued', task({ taskId: 'v' })),
    );
    expect(currentWork(transcript)).toMatchObject({ open: { taskId: 'v' }, sessionId: 's2' });
  });

  it('tells of what runs rather than of what waits for a person', () => {
    const waiting = event(1, 'sandbox.agent.task.waiting_for_human', task({ status: 'waiting_for_human' }));
    const running = event(2, 'sandbox.agent.task.running', task({ taskId: 'u', status: 'running' }));
    expect(currentWork(play(waiting))).toMatchObject({ open: { status: 'waiting_for_human' } });
    expect(currentWork(play(waiting, running))).toMatchObject({ open: { taskId: 'u' } });
  });
});

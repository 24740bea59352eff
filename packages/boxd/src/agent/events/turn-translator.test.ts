import type { BoxEventBody } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../logger.ts';
import { parseOpenCodeEvent } from '../opencode/schemas.ts';
import { EventPublisher } from './publisher.ts';
import { TurnTranslator } from './turn-translator.ts';

let journal: BoxEventBody[];
let turn: TurnTranslator;

beforeEach(() => {
  journal = [];
  const sink = { append: async (body: BoxEventBody) => void journal.push(body) };
  turn = new TurnTranslator(new EventPublisher(sink, createLogger({ write: () => undefined })), 's', 't');
});

/** Feeds an event in the form in which OpenCode sends it. */
function see(type: string, properties: object): void {
  const event = parseOpenCodeEvent(JSON.stringify({ type, properties: { sessionID: 's', ...properties } }));
  if (event === null) throw new Error(`not an event: ${type}`);
  turn.see(event);
}

const tokens = { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
const message = (id: string, role: string): void =>
  see('message.updated', { info: { id, sessionID: 's', role, time: { created: 1 }, cost: 0, tokens } });
const part = (messageID: string, rest: object): void =>
  see('message.part.updated', { part: { id: 'p', sessionID: 's', messageID, ...rest } });
const delta = (text: string, partID = 'p'): void =>
  see('message.part.delta', { messageID: 'm', partID, field: 'text', delta: text });
const settled = (): Promise<void> => sleep(150);

describe('what people are shown of a turn', () => {
  test('is text in joined pieces, then as a whole', async () => {
    message('m', 'assistant');
    part('m', { type: 'text', text: '', time: { start: 1 } });
    for (const word of ['a ', 'b ', 'c']) delta(word);
    part('m', { type: 'text', text: 'a b c', time: { start: 1, end: 2 } });
    await settled();
    const where = { sessionId: 's', taskId: 't', messageId: 'm' };
    expect(journal).toEqual([
      { type: 'agent.text.delta', data: { ...where, partId: 'p', text: 'a b c' } },
      { type: 'agent.part', data: { ...where, part: { type: 'text', id: 'p', text: 'a b c' } } },
    ]);
  });

  test('is not what the user wrote, nor the pieces of a reasoning', async () => {
    message('u', 'user');
    part('u', { type: 'text', text: 'prompt', time: { start: 1, end: 2 } });
    message('m', 'assistant');
    part('m', { id: 'r', type: 'reasoning', text: '', time: { start: 1 } });
    delta('thought', 'r');
    await settled();
    expect(journal).toEqual([]);
  });

  test('is each state of a tool call once, also when the end brings it again', async () => {
    message('m', 'assistant');
    const tool = { type: 'tool', tool: 'bash', callID: 'c' };
    part('m', { ...tool, state: { status: 'pending', input: {}, raw: '' } });
    part('m', { ...tool, state: { status: 'running', input: { command: 'x' }, time: { start: 1 } } });
    for (const output of ['1', '1 2', '1 2 3']) {
      part('m', { ...tool, state: { status: 'running', input: { command: 'x' }, metadata: { output } } });
    }
    const completed = { status: 'completed', input: { command: 'x' }, output: '1 2 3' } as const;
    part('m', { ...tool, state: completed });
    const info = {
      id: 'm',
      sessionID: 's',
      role: 'assistant',
      time: { created: 1 },
      cost: 0,
      tokens,
    } as const;
    const whole = {
      id: 'p',
      sessionID: 's',
      messageID: 'm',
      type: 'tool',
      tool: 'bash',
      state: completed,
    } as const;
    turn.catchUp([{ info, parts: [whole] }]);
    await settled();
    const states = journal.map(({ type, data }) =>
      type === 'agent.part' && 'status' in data.part ? data.part.status : type,
    );
    expect(states).toEqual(['pending', 'running', 'completed']);
  });

  test('is what only the end brought, when the stream had a gap', async () => {
    const info = {
      id: 'm',
      sessionID: 's',
      role: 'assistant',
      time: { created: 1 },
      cost: 0,
      tokens,
    } as const;
    const text = {
      id: 'p',
      sessionID: 's',
      messageID: 'm',
      type: 'text',
      text: 'missed',
      time: undefined,
    } as const;
    turn.catchUp([{ info, parts: [text] }]);
    await settled();
    expect(journal).toMatchObject([{ type: 'agent.part', data: { part: { text: 'missed' } } }]);
  });

  test('is each status once', async () => {
    for (const status of [{ type: 'busy' }, { type: 'busy' }, { type: 'idle' }])
      see('session.status', { status });
    see('session.status', { status: { type: 'retry', attempt: 1, message: 'slow down', next: 5 } });
    await settled();
    expect(journal.map(({ data }) => ('status' in data ? data.status : null))).toEqual([
      'busy',
      'idle',
      'retry',
    ]);
  });
});

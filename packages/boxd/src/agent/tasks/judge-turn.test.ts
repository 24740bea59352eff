import { describe, expect, test } from 'vitest';
import type { AssistantInfo, OpenCodeMessage } from '../opencode/schemas.ts';
import { judgeTurn, messagesOfTurn } from './judge-turn.ts';

const tokens = { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } };

function answer(id: string, text: string, rest: Partial<AssistantInfo> = {}): OpenCodeMessage {
  const time = { created: 1, completed: 2 };
  const info: AssistantInfo = { id, sessionID: 's', role: 'assistant', time, cost: 0, tokens, ...rest };
  const part = {
    id: `${id}-text`,
    sessionID: 's',
    messageID: id,
    type: 'text',
    text,
    time: undefined,
  } as const;
  return { info, parts: [part] };
}

const prompt: OpenCodeMessage = {
  info: { id: 'u', sessionID: 's', role: 'user', time: { created: 1 } },
  parts: [],
};

describe('a turn at rest', () => {
  test('is completed by an answer that stopped', () => {
    const turn = [
      prompt,
      answer('a', 'calling', { finish: 'tool-calls' }),
      answer('b', 'done', { finish: 'stop' }),
    ];
    expect(judgeTurn(turn, null)).toEqual({ status: 'completed', resultText: 'done', heldBack: false });
  });

  test('says whether the browser was refused at its last use', () => {
    const ids = { id: 'p', sessionID: 's', messageID: 'a', type: 'tool' } as const;
    const use = (tool: string, output: string): OpenCodeMessage['parts'][number] => ({
      ...ids,
      tool,
      state: { status: 'completed', input: {}, output },
    });
    const refused: OpenCodeMessage['parts'][number] = {
      ...ids,
      tool: 'playwright_browser_click',
      state: { status: 'error', input: {}, error: 'Error: CONTROL_HELD_BY_HUMAN: ada has control' },
    };
    const verdict = (...parts: OpenCodeMessage['parts']) => {
      const tools = { ...answer('a', '', { finish: 'tool-calls' }), parts };
      return judgeTurn([prompt, tools, answer('b', 'done', { finish: 'stop' })], null);
    };
    const listing = use('bash', 'CONTROL_HELD_BY_HUMAN');
    const shown = use('playwright_browser_snapshot', '# Page');
    expect(verdict(shown, refused, listing)).toMatchObject({ heldBack: true });
    expect(verdict(use('playwright_browser_snapshot', '### Error CONTROL_HELD_BY_HUMAN'))).toMatchObject({
      heldBack: true,
    });
    expect(verdict(refused, shown)).toMatchObject({ heldBack: false });
    expect(verdict(listing)).toMatchObject({ heldBack: false });
  });

  test('stays completed when an error was reported on the way', () => {
    const turn = [prompt, answer('b', 'done', { finish: 'stop' })];
    expect(judgeTurn(turn, { name: 'UnknownError' }).status).toBe('completed');
  });

  test.each([
    ['nothing but the prompt', [prompt]],
    ['an answer that calls a tool', [prompt, answer('a', '', { finish: 'tool-calls' })]],
    ['an answer that is not complete', [prompt, answer('a', 'half', { time: { created: 1 } })]],
    ['only a summary of the history', [prompt, answer('a', 'summary', { summary: true, finish: 'stop' })]],
  ])('is open with %s', (_, turn) => {
    expect(judgeTurn(turn, null)).toEqual({ status: 'open' });
  });

  test.each([
    [401, 'MODEL_AUTH'],
    [403, 'MODEL_AUTH'],
    [402, 'MODEL_BUDGET'],
    [429, 'MODEL_RATE_LIMITED'],
    [500, 'MODEL_ERROR'],
    [undefined, 'MODEL_ERROR'],
  ])('fails with HTTP %s of the model as %s', (statusCode, code) => {
    const error = {
      name: 'APIError',
      data: { message: 'text', ...(statusCode === undefined ? {} : { statusCode }) },
    };
    const failed = { status: 'failed', error: { code, message: expect.stringContaining('text') as string } };
    expect(judgeTurn([prompt, answer('a', 'so far', { error })], null)).toEqual({
      ...failed,
      resultText: 'so far',
    });
    expect(judgeTurn([prompt], error)).toEqual({ ...failed, resultText: null });
  });

  test.each([
    ['length', 'MODEL_OUTPUT_LIMIT'],
    ['content-filter', 'MODEL_CONTENT_FILTER'],
    ['error', 'MODEL_ERROR'],
  ])('fails when the model stopped for %s', (finish, code) => {
    const verdict = judgeTurn([prompt, answer('a', 'part', { finish })], null);
    expect(verdict).toMatchObject({ status: 'failed', resultText: 'part', error: { code } });
  });

  test('is cancelled when somebody aborted it', () => {
    const error = { name: 'MessageAbortedError', data: { message: 'Aborted' } };
    expect(judgeTurn([prompt, answer('a', '', { error })], null)).toMatchObject({ status: 'cancelled' });
  });
});

test('a turn begins after the newest message before the prompt', () => {
  const messages = [answer('old', ''), prompt, answer('new', '')];
  expect(messagesOfTurn(messages, 'old').map(({ info }) => info.id)).toEqual(['u', 'new']);
  expect(messagesOfTurn(messages, null)).toHaveLength(3);
  expect(messagesOfTurn(messages, 'no longer listed')).toHaveLength(3);
});

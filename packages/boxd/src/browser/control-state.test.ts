import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoxControl, BoxEventBody } from '@banata/protocol/box';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlState } from './control-state.ts';

let directory: string;
let path: string;
let events: BoxEventBody[];
let calls: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banata-control-'));
  path = join(directory, 'control.json');
  events = [];
  calls = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function open(): ControlState {
  const silent = (): void => undefined;
  return new ControlState({
    path,
    events: { append: async (body) => void events.push(body) },
    logger: { info: silent, warn: silent, error: silent },
    onHeld: () => void calls.push('held'),
    onReleased: () => void calls.push('released'),
  });
}

test('lets automation in at first, and keeps what it was told over a restart', async () => {
  expect(open().refuse('client', 'Page.navigate', {})).toBeUndefined();
  const human = { epoch: 3, mode: 'human' as const, controller: 'Ada' };
  expect(await open().set(human)).toEqual(human);
  const again = open();
  expect(again.current).toEqual(human);
  expect(again.refuse('client', 'Page.navigate', {})?.message).toContain('CONTROL_HELD_BY_HUMAN: Ada');
  expect(again.refuse('agent', 'Runtime.evaluate', {})).toMatchObject({ thrown: true });
  expect(again.refuse('agent', 'Target.getTargets', {})).toBeUndefined();
  expect(() => again.requireAutomation('type')).toThrow('CONTROL_HELD_BY_HUMAN');
  again.refuse('client', 'Page.navigate', {});
  expect(events).toEqual([
    { type: 'control.refused', data: { client: 'cdp', what: 'Page.navigate' } },
    { type: 'control.refused', data: { client: 'agent', what: 'Runtime.evaluate' } },
    { type: 'control.refused', data: { client: 'computer', what: 'type' } },
  ]);
});

test.each(['{"epoch":1,', '{"epoch":1,"mode":"everybody","controller":null}', ''])(
  'a file that cannot be understood (%j) lets nobody in until the server has spoken',
  async (text) => {
    await writeFile(path, text);
    const state = open();
    expect(state.refuse('client', 'Page.navigate', {})).toBeDefined();
    await state.set({ epoch: 1, mode: 'ai', controller: null });
    expect(state.refuse('client', 'Page.navigate', {})).toBeUndefined();
    expect(calls).toEqual(['released']);
  },
);

test('whatever order words come in, the newest holds', async () => {
  const word: fc.Arbitrary<BoxControl> = fc.record({
    epoch: fc.integer({ min: 1, max: 8 }),
    mode: fc.constantFrom('ai', 'human', 'shared'),
    controller: fc.constantFrom('Ada', null),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 8 }), async (words) => {
      await rm(path, { force: true });
      const state = open();
      const answers = await Promise.all(words.map((one) => state.set(one)));
      const newest = Math.max(...words.map(({ epoch }) => epoch));
      expect(state.current.epoch).toBe(newest);
      expect(open().current).toEqual(state.current);
      answers.forEach((answer, index) => expect(answer.epoch).toBeGreaterThanOrEqual(words[index]!.epoch));
    }),
    { numRuns: 30 },
  );
});

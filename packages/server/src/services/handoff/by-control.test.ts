import { expect, test } from 'vitest';
import { PENDING_HANDOFF } from '../../testing/pending-handoff.ts';
import type { Control, ControlRequest } from '../control/control.ts';
import { handoffByControl } from './by-control.ts';
import type { HandoffState } from './handoff.ts';

const pending = PENDING_HANDOFF;
const accepted: HandoffState = {
  ...pending,
  status: 'accepted',
  controller: 'ada',
  leaseUntil: 500,
  acceptedAt: 0,
};
const waits: Control = { mode: 'human', controller: null, holder: 'handoff:x', leaseUntil: 1000 };
const held: Control = { mode: 'human', controller: 'ada', holder: 'tab:a', leaseUntil: 500 };
const api = (more: Partial<ControlRequest>): ControlRequest => ({
  mode: 'ai',
  controller: null,
  leaseMs: null,
  actor: { kind: 'api', force: false },
  ...more,
});
const link = (mode: 'ai' | 'human' | 'shared', viewer: string, controller: string | null = null) =>
  api({ mode, actor: { kind: 'link', viewer, controller } });
const after = (state: HandoffState, control: Control, request: ControlRequest, now = 10): unknown[] =>
  handoffByControl(state, control, request, now).map(({ status, controller }) => [status, controller]);

test('to take control accepts: by link under the name it has, by an API call that names somebody', () => {
  expect(after(pending, waits, link('human', 'a'))).toEqual([['accepted', 'Viewer']]);
  expect(after(pending, waits, link('human', 'a', 'ada'))).toEqual([['accepted', 'ada']]);
  expect(after(pending, waits, api({ mode: 'human', controller: 'ada' }))).toEqual([['accepted', 'ada']]);
  expect(after(pending, waits, api({ mode: 'human' }))).toEqual([]);
  expect(
    handoffByControl(pending, waits, api({ mode: 'human', controller: 'ada', leaseMs: 7 }), 10),
  ).toMatchObject([{ leaseUntil: 17 }]);
});

test('to give control back completes, for who has it and for the owner', () => {
  expect(after(accepted, held, link('ai', 'a'))).toEqual([['completed', 'ada']]);
  expect(after(accepted, held, link('ai', 'b'))).toEqual([]);
  expect(after(accepted, held, api({}))).toEqual([['completed', 'ada']]);
  expect(after(accepted, held, api({ controller: 'bob' }))).toEqual([]);
  expect(after(accepted, held, link('human', 'a'))).toEqual([]);
  expect(after(accepted, held, link('shared', 'a'))).toEqual([]);
});

test('the owner withdraws a request by taking the browser back; a link does not', () => {
  expect(after(pending, waits, api({}))).toEqual([['cancelled', null]]);
  expect(after(pending, waits, link('ai', 'a'))).toEqual([]);
  expect(after(pending, waits, api({ mode: 'shared' }))).toEqual([]);
});

test('what time has done comes first', () => {
  expect(after(accepted, held, link('human', 'b'), 600)).toEqual([
    ['pending', null],
    ['accepted', 'Viewer'],
  ]);
  expect(after(pending, waits, api({}), 1000)).toEqual([['expired', null]]);
});

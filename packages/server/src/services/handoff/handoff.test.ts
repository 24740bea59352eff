import { ApiError } from '@banata/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PENDING_HANDOFF } from '../../testing/pending-handoff.ts';
import { isOpen, mayFollow, step, type HandoffAct, type HandoffState } from './handoff.ts';

const fresh = PENDING_HANDOFF;

const accept = (controller: string): HandoffAct => ({
  kind: 'accept',
  controller,
  holder: null,
  leaseMs: 100,
});
const last = (states: HandoffState[]): HandoffState => states.at(-1) ?? expect.unreachable();
const code = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
  return undefined;
};

test('a form that was filled is told with the end, and not taken back by time', () => {
  const accepted = last(step(fresh, accept('ada'), 10));
  const person = { controller: 'ada' };
  const filled = last(step(accepted, { kind: 'complete', person, note: null, filled: true }, 20));
  expect(filled).toMatchObject({ status: 'completed', filledAt: 20 });
  expect(last(step(accepted, { kind: 'complete', person, note: null }, 20)).filledAt).toBeNull();
});

test('one accepts, others are told who', () => {
  const accepted = last(step(fresh, accept('ada'), 10));
  expect(accepted).toMatchObject({ status: 'accepted', controller: 'ada', leaseUntil: 110, acceptedAt: 10 });
  for (const name of ['bob', 'ada'])
    expect(code(() => step(accepted, accept(name), 20))).toBe('HANDOFF_TAKEN');
  expect(
    code(() => step(accepted, { kind: 'complete', person: { controller: 'bob' }, note: null }, 20)),
  ).toBe('HANDOFF_TAKEN');
  expect(last(step(accepted, { kind: 'complete', person: null, note: 'in' }, 20))).toMatchObject({
    status: 'completed',
    completedAt: 20,
    note: 'in',
  });
});

test('who leaves loses it: the request is open again, and counts', () => {
  const accepted = last(step(fresh, accept('ada'), 10));
  const left = step(accepted, { kind: 'time' }, 110);
  expect(left).toMatchObject([{ status: 'pending', round: 2, controller: null, leaseUntil: null }]);
  const both = step(accepted, accept('bob'), 120);
  expect(both.map(({ status }) => status)).toEqual(['pending', 'accepted']);
  expect(code(() => step(accepted, { kind: 'complete', person: null, note: null }, 120))).toBe(
    'HANDOFF_NOT_ACCEPTED',
  );
});

test('the deadline is for finding a person; it does not cut short one who works', () => {
  expect(step(fresh, { kind: 'time' }, 1000)).toMatchObject([{ status: 'expired' }]);
  const late = last(step(fresh, accept('ada'), 950));
  expect(step(late, { kind: 'time' }, 1020)).toEqual([]);
  const renewed = last(step(late, { kind: 'renew', person: { controller: 'ada' }, leaseMs: 200 }, 1020));
  expect(renewed).toMatchObject({ status: 'accepted', leaseUntil: 1220 });
  expect(step(renewed, { kind: 'time' }, 1220)).toMatchObject([{ status: 'expired' }]);
});

const name = fc.constantFrom('ada', 'bob');
const person = fc.oneof(
  name.map((controller) => ({ controller })),
  name.map((holder) => ({ holder })),
);
const leaseMs = fc.constantFrom(undefined, 50, 400);
const note = fc.constantFrom(null, 'x');
const anyAct: fc.Arbitrary<HandoffAct> = fc.oneof(
  fc.record({
    kind: fc.constant('accept' as const),
    controller: name,
    holder: fc.option(name),
    leaseMs,
  }),
  fc.record({ kind: fc.constant('renew' as const), person, leaseMs }),
  fc.record({ kind: fc.constant('complete' as const), person: fc.option(person), note }),
  fc.record({ kind: fc.constant('give_up' as const), person, note }),
  fc.record({ kind: fc.constant('cancel' as const), note }),
  fc.constant({ kind: 'time' as const }),
);

test('whatever order acts come in: only steps of the table, one end, and a lease exactly while accepted', () => {
  const run = fc.array(fc.tuple(anyAct, fc.nat(300)), { maxLength: 40 });
  fc.assert(
    fc.property(run, (acts) => {
      let state = fresh;
      let now = 0;
      let ends = 0;
      for (const [act, passed] of acts) {
        now += passed;
        let states: HandoffState[] = [];
        try {
          states = step(state, act, now);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
          continue;
        }
        for (const next of states) {
          expect(next.status === state.status || mayFollow(state.status, next.status)).toBe(true);
          expect(next.round).toBeGreaterThanOrEqual(state.round);
          expect(next.leaseUntil !== null).toBe(next.status === 'accepted');
          if (isOpen(state) && !isOpen(next)) ends += 1;
          state = next;
        }
        if (state.status === 'accepted') expect(state.leaseUntil).toBeGreaterThan(now);
      }
      expect(ends).toBeLessThanOrEqual(1);
    }),
  );
});

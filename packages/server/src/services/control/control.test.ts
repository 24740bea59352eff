import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  controlAt,
  maySteer,
  NO_CONTROL,
  sameControl,
  stepControl,
  type Control,
  type ControlRequest,
  type ViewerIdentity,
} from './control.ts';

const viewers: ViewerIdentity[] = [
  { controller: null, viewer: 'tab-a' },
  { controller: null, viewer: 'tab-b' },
  { controller: 'ada', viewer: 'tab-c' },
  { controller: 'ada', viewer: 'tab-d' },
  { controller: 'bob', viewer: 'tab-e' },
];
const name = fc.constantFrom('ada', 'bob', null);
const actor = fc.oneof(
  fc.record({ kind: fc.constant('api' as const), force: fc.boolean() }),
  fc.constantFrom(...viewers).map((viewer) => ({ kind: 'link' as const, ...viewer })),
);
const request: fc.Arbitrary<ControlRequest> = fc.record({
  mode: fc.constantFrom('ai', 'human', 'shared'),
  controller: name,
  leaseMs: fc.option(fc.integer({ min: 1, max: 1000 })),
  actor,
});
const play = fc.array(fc.record({ request, wait: fc.integer({ min: 0, max: 600 }) }), { maxLength: 30 });

function run(steps: { request: ControlRequest; wait: number }[]): { control: Control; now: number }[] {
  let control = NO_CONTROL;
  let now = 1000;
  return steps.map((step) => {
    now += step.wait;
    const outcome = stepControl(control, step.request, now);
    if (outcome.ok) control = outcome.next;
    return { control, now };
  });
}

describe('control', () => {
  test('nobody steers in mode ai, and nobody after the lease', () => {
    fc.assert(
      fc.property(play, (steps) => {
        for (const { control, now } of run(steps)) {
          for (const viewer of viewers) {
            if (controlAt(control, now).mode === 'ai') expect(maySteer(control, viewer, now)).toBe(false);
            if (control.leaseUntil !== null)
              expect(maySteer(control, viewer, control.leaseUntil)).toBe(false);
          }
        }
      }),
    );
  });

  test('human always has an end, and what a link took only that link has', () => {
    fc.assert(
      fc.property(play, (steps) => {
        for (const { control, now } of run(steps)) {
          if (control.mode === 'human') expect(control.leaseUntil).not.toBeNull();
          if (control.mode === 'ai') expect(control).toEqual(NO_CONTROL);
          if (control.holder === null || control.leaseUntil === null) continue;
          const people = new Set(
            viewers.filter((one) => maySteer(control, one, now)).map((one) => one.controller ?? one.viewer),
          );
          expect(people.size).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('a running lease is changed by its holder, the owner’s way back, or force; a refusal names it', () => {
    fc.assert(
      fc.property(play, request, (steps, next) => {
        const { control, now } = run(steps).at(-1) ?? { control: NO_CONTROL, now: 1000 };
        const held = controlAt(control, now);
        const outcome = stepControl(control, next, now);
        if (!outcome.ok) {
          expect(outcome.heldBy).toEqual(held);
          expect(held.leaseUntil).toBeGreaterThan(now);
          return;
        }
        expect(outcome.next.mode).toBe(next.mode);
        if (held.mode === 'ai' || held.leaseUntil === null) return;
        const { actor: by } = next;
        const owner = by.kind === 'api' && (by.force || (next.mode === 'ai' && next.controller === null));
        const same = by.kind === 'api' && next.controller === held.controller;
        expect(owner || same || (by.kind === 'link' && maySteer(held, by, now))).toBe(true);
      }),
    );
  });

  test('of two people who ask at once, the second is refused and told who has it', () => {
    const ask = (controller: string): ControlRequest => ({
      mode: 'human',
      controller,
      leaseMs: 500,
      actor: { kind: 'api', force: false },
    });
    const first = stepControl(NO_CONTROL, ask('ada'), 0);
    expect(first).toMatchObject({ ok: true, next: { controller: 'ada', leaseUntil: 500 } });
    const control = first.ok ? first.next : NO_CONTROL;
    expect(stepControl(control, ask('bob'), 10)).toEqual({ ok: false, heldBy: control });
    expect(stepControl(control, ask('ada'), 10)).toMatchObject({ ok: true, next: { leaseUntil: 510 } });
    expect(stepControl(control, ask('bob'), 500)).toMatchObject({ ok: true, next: { controller: 'bob' } });
  });

  test('control that the API gave to a name is for links without a name and for links of that name', () => {
    const given: Control = { mode: 'human', controller: 'ada', holder: null, leaseUntil: 500 };
    expect(viewers.map((viewer) => maySteer(given, viewer, 0))).toEqual([true, true, true, true, false]);
    expect(sameControl(given, { ...given, leaseUntil: 501 })).toBe(false);
  });

  test('shared without a lease is for everybody with a link that drives', () => {
    const shared: Control = { mode: 'shared', controller: 'ada', holder: 'person:ada', leaseUntil: null };
    expect(viewers.every((viewer) => maySteer(shared, viewer, 0))).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialLink, reduceLink, retryDelayMs, type LinkAction, type LinkState } from './link-state.ts';

function play(...actions: LinkAction[]): LinkState {
  return actions.reduce(reduceLink, initialLink);
}
const want: LinkAction = { type: 'wanted', wanted: 'yes' };
const opened = (at: number): LinkAction => ({ type: 'opened', at });
const lost = (at: number): LinkAction => ({ type: 'lost', at });

describe('reduceLink', () => {
  it('connects when wanted, waits when lost, and connects anew with a new number', () => {
    expect(play(want)).toMatchObject({ status: 'connecting', serial: 1 });
    expect(play(want, lost(0))).toMatchObject({ status: 'waiting', failures: 1 });
    expect(play(want, lost(0), { type: 'retry' })).toMatchObject({ status: 'connecting', serial: 2 });
  });

  it('counts losses of connections that never held, and forgets them after one that did', () => {
    const flapping = play(want, opened(0), lost(100), { type: 'retry' }, opened(200), lost(300));
    expect(flapping.failures).toBe(2);
    const steady = [{ type: 'retry' } as const, opened(1_000), lost(60_000)].reduce(reduceLink, flapping);
    expect(steady.failures).toBe(1);
  });

  it('keeps an open connection on hold and makes no new one', () => {
    const hold: LinkAction = { type: 'wanted', wanted: 'hold' };
    expect(play(want, opened(0), hold).status).toBe('open');
    expect(play(want, hold).status).toBe('idle');
    expect(play(want, lost(0), hold).status).toBe('idle');
    expect(play(hold).status).toBe('idle');
  });

  it('never connects unless wanted, whatever comes in whatever order', () => {
    const action = fc.constantFrom<LinkAction>(
      want,
      { type: 'wanted', wanted: 'no' },
      { type: 'wanted', wanted: 'hold' },
      opened(0),
      lost(0),
      { type: 'retry' },
    );
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        let state = initialLink;
        let wanted = 'no';
        for (const next of actions) {
          if (next.type === 'wanted') wanted = next.wanted;
          const before = state;
          state = reduceLink(state, next);
          if (state.serial > before.serial) expect(next.type === 'retry' || wanted === 'yes').toBe(true);
          if (next.type === 'wanted' && wanted === 'no') expect(state.status).toBe('idle');
          if (state.status === 'open' && before.status !== 'open') expect(before.status).toBe('connecting');
        }
      }),
    );
  });
});

describe('retryDelayMs', () => {
  it('doubles from 0.4 s to 10 s and spreads downwards by a quarter', () => {
    expect([1, 2, 3].map((failures) => retryDelayMs(failures, 0))).toEqual([400, 800, 1_600]);
    expect(retryDelayMs(50, 0)).toBe(10_000);
    expect(retryDelayMs(50, 1)).toBe(7_500);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { summarize, summarizeSteps } from './statistics.ts';

test('the quantiles lie between neighbours', () => {
  expect(summarize([4, 1, 3, 2])).toEqual({ count: 4, median: 2.5, p95: 3.9, p99: 4, min: 1, max: 4 });
  expect(summarize([7])).toEqual({ count: 1, median: 7, p95: 7, p99: 7, min: 7, max: 7 });
});

test('the order of the values does not matter, and the figures are ordered', () => {
  const values = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(values, (list) => {
      const summary = summarize(list);
      expect(summarize(list.toReversed())).toEqual(summary);
      expect(summary.min).toBeLessThanOrEqual(summary.median);
      expect(summary.median).toBeLessThanOrEqual(summary.p95);
      expect(summary.p95).toBeLessThanOrEqual(summary.max);
    }),
  );
});

test('nothing measured is an error, not a zero', () => {
  expect(() => summarize([])).toThrow('Nothing was measured');
});

test('steps are summarized by name', () => {
  expect(summarizeSteps([{ a: 1, b: 5 }, { a: 3 }])).toMatchObject({
    a: { count: 2, median: 2 },
    b: { count: 1, median: 5 },
  });
});

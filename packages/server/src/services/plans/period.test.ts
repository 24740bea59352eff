import { expect, test } from 'vitest';
import { monthOf } from './period.ts';

test.each([
  [Date.UTC(2026, 3, 1), Date.UTC(2026, 3, 1), Date.UTC(2026, 4, 1)],
  [Date.UTC(2026, 3, 30, 23, 59, 59, 999), Date.UTC(2026, 3, 1), Date.UTC(2026, 4, 1)],
  [Date.UTC(2026, 11, 31), Date.UTC(2026, 11, 1), Date.UTC(2027, 0, 1)],
])('%i lies in its month', (now, start, end) => {
  expect(monthOf(now)).toEqual({ start, end });
});

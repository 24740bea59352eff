import { expect, test } from 'vitest';
import { RestartDelay } from './restart-delay.ts';

test('pauses grow to 30 s, and the fourth failure in a row counts as failed', () => {
  const delay = new RestartDelay();
  const steps = Array.from({ length: 9 }, () => delay.next(0));
  expect(steps.map(({ delayMs }) => delayMs)).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect(steps.map(({ failed }) => failed).indexOf(true)).toBe(3);
});

test('a server that lived a minute starts a new count', () => {
  const delay = new RestartDelay();
  for (let i = 0; i < 5; i += 1) delay.next(0);
  expect(delay.next(60_000)).toEqual({ delayMs: 500, failed: false });
});

import { describe, expect, test } from 'vitest';
import { parseRetryAfter, retryDelay } from './retry-schedule.ts';

const HOUR = 3_600_000;
const middle = () => 0.5;

describe('retryDelay', () => {
  test('grows from seconds to hours and then stays', () => {
    const delays = Array.from({ length: 12 }, (_, index) => retryDelay(index + 1, undefined, middle));
    expect(delays[0]).toBe(5_000);
    expect(delays.slice(1).every((delay, index) => delay >= (delays[index] ?? 0))).toBe(true);
    expect(delays.slice(7)).toEqual([3 * HOUR, 3 * HOUR, 3 * HOUR, 3 * HOUR, 3 * HOUR]);
  });

  test('is a fifth shorter or longer at random', () => {
    expect(retryDelay(1, undefined, () => 0)).toBe(4_000);
    expect(retryDelay(1, undefined, () => 1)).toBe(6_000);
  });

  test('never undercuts what the receiver asks for, up to a bound, nor the schedule', () => {
    expect(retryDelay(1, 60_000, middle)).toBe(60_000);
    expect(retryDelay(1, 100 * HOUR, middle)).toBe(6 * HOUR);
    expect(retryDelay(8, 1_000, middle)).toBe(3 * HOUR);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-04-01T12:00:00Z');

  test.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Wed, 01 Apr 2026 12:01:00 GMT', 60_000],
    ['Wed, 01 Apr 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1e9', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});

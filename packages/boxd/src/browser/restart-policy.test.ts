import { expect, test } from 'vitest';
import { RestartPolicy } from './restart-policy.ts';

test('the first restart is immediate, later ones wait longer, the sixth in a minute is none', () => {
  const policy = new RestartPolicy();
  const waits = [0, 1, 2, 3, 4, 5].map((second) => policy.next(second * 1000));
  expect(waits).toEqual([0, 200, 400, 800, 1600, undefined]);
});

test('ends far apart never add up', () => {
  const policy = new RestartPolicy();
  for (let minute = 0; minute < 100; minute += 1) expect(policy.next(minute * 60_000)).toBe(0);
});

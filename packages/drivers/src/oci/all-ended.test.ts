import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { allEnded } from './all-ended.ts';

test('answers what all answered', async () => {
  expect(await allEnded([Promise.resolve(1), delay(1, 'two')])).toEqual([1, 'two']);
});

test('rejects with the first failure in order, once all have ended', async () => {
  let ended = false;
  const slow = delay(20).then(() => {
    ended = true;
  });
  const failed = allEnded([slow, Promise.reject(new Error('no'))]);
  await expect(failed).rejects.toThrow('no');
  expect(ended).toBe(true);
});

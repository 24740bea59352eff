import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Gate } from './gate.ts';

const { signal } = new AbortController();

test('lets so many in at once, in order, also after failures', async () => {
  const gate = new Gate(2);
  const begun: number[] = [];
  let inside = 0;
  let most = 0;
  const work = async (index: number): Promise<void> => {
    begun.push(index);
    inside += 1;
    most = Math.max(most, inside);
    await delay(5);
    inside -= 1;
    if (index % 2 === 0) throw new Error(`no ${index}`);
  };
  const all = await Promise.allSettled(
    [0, 1, 2, 3, 4, 5].map((index) => gate.run(() => work(index), signal)),
  );
  expect(all.map(({ status }) => status === 'fulfilled')).toEqual([false, true, false, true, false, true]);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

test('who gives up waiting takes no place', async () => {
  const gate = new Gate(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = gate.run(() => promise, signal);
  const stop = new AbortController();
  const second = gate.run(() => Promise.resolve('second'), stop.signal);
  const third = gate.run(() => Promise.resolve('third'), signal);
  stop.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  resolve();
  await first;
  expect(await third).toBe('third');
  expect(await gate.run(() => Promise.resolve('fourth'), signal)).toBe('fourth');
  await expect(gate.run(() => Promise.resolve(), AbortSignal.abort(new Error('late')))).rejects.toThrow(
    'late',
  );
});

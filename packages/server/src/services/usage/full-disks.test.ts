import { expect, test } from 'vitest';
import { FullDisks } from './full-disks.ts';

const limits = {
  cpus: 1,
  memoryBytes: 1,
  pids: 1,
  diskBytes: 1000,
  openFiles: 1,
  networkBitsPerSecond: 0,
};
const row = { id: 'one', limits };

test('a disk that becomes full is told once, and again after it had room', () => {
  const disks = new FullDisks();
  expect(disks.look(row, 900)).toBeUndefined();
  expect(disks.look(row, 985)).toMatchObject({
    type: 'sandbox.limit.reached',
    data: { limit: 'disk', detail: expect.stringContaining('98 % of 1000 bytes') as string },
  });
  expect(disks.look(row, 1000)).toBeUndefined();
  expect(disks.look(row, 950)).toBeUndefined();
  expect(disks.look(row, 990)).toBeUndefined();
  expect(disks.look(row, 500)).toBeUndefined();
  expect(disks.look(row, 990)).toBeDefined();
});

test('sandboxes that are gone are forgotten, and those without limits have no full disk', () => {
  const disks = new FullDisks();
  disks.look(row, 1000);
  disks.keep(new Set(['one']));
  expect(disks.look(row, 1000)).toBeUndefined();
  disks.keep(new Set());
  expect(disks.look(row, 1000)).toBeDefined();
  expect(disks.look({ id: 'two', limits: null }, 1000)).toBeUndefined();
});

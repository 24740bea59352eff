import { totalmem } from 'node:os';

import { expect, test } from 'vitest';

import { hasRoomFor, readHostMemory } from './free-memory.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

test('reads what the host has', async () => {
  const { free, total } = await readHostMemory();
  expect(total).toBe(totalmem());
  expect(free).toBeGreaterThan(0);
  expect(free).toBeLessThan(total);
});

test.each([
  ['none', 800 * MIB, true],
  ['none', 700 * MIB, false],
  ['browser', 1_300 * MIB, true],
  ['browser', 1_200 * MIB, false],
  ['agent', 1_950 * MIB, true],
  ['agent', 1_850 * MIB, false],
] as const)('a waiting box with %s and %i bytes free of 4 GiB: %s', (services, free, fits) => {
  expect(hasRoomFor(services, { free, total: 4 * GIB })).toBe(fits);
});

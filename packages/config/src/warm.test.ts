import { expect, test } from 'vitest';
import { z } from 'zod';
import { warmCounts, warmSettings } from './warm.ts';

const GIB = 1024 ** 3;
const schema = z.object(warmSettings);

test.each([
  [4, 0],
  [7.7, 0],
  [15.6, 1],
  [23.4, 1],
  [31.3, 2],
  [256, 2],
])('a host with %f GiB keeps %i with a browser by itself', (gib, usual) => {
  expect(warmCounts(schema.parse({}), gib * GIB)).toEqual({ none: 1, browser: usual, agent: usual });
});

test('numbers are taken as they are, and without bare warm sandboxes there are none', () => {
  const asked = schema.parse({ BANATA_WARM: '4', BANATA_WARM_BROWSER: '3', BANATA_WARM_AGENT: '0' });
  expect(warmCounts(asked, 4 * GIB)).toEqual({ none: 4, browser: 3, agent: 0 });
  expect(warmCounts({ ...asked, BANATA_WARM: 0 }, 64 * GIB)).toEqual({ none: 0, browser: 0, agent: 0 });
});

test.each(['-1', '65', 'many', '1.5'])('"%s" is refused', (text) => {
  for (const name of Object.keys(warmSettings))
    expect(schema.safeParse({ [name]: text }).success).toBe(false);
});

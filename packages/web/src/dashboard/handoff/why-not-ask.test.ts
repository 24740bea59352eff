import { expect, test } from 'vitest';
import { whyNotAsk } from './why-not-ask.ts';

test.each([
  [null, null],
  [{}, null],
  [{ browser: { mode: 'none' } }, null],
  [{ browser: { humanInLoop: true } }, null],
  [{ browser: {} }, expect.stringContaining('humanInLoop')],
  [{ browser: { mode: 'local-chromium', humanInLoop: false } }, expect.stringContaining('humanInLoop')],
] as const)('%j', (capabilities, why) => {
  expect(whyNotAsk({ capabilities })).toEqual(why);
});

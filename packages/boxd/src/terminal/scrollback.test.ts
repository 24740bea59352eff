import { expect, test } from 'vitest';
import { Scrollback } from './scrollback.ts';

test('keeps the end of the output and begins with a whole line', () => {
  const scrollback = new Scrollback();
  for (let index = 0; index < 40_000; index += 1) scrollback.push(Buffer.from(`line ${index}\n`));
  const text = Buffer.concat([...scrollback.pieces()]).toString();
  expect(text.length).toBeLessThanOrEqual(256 * 1024);
  expect(text.length).toBeGreaterThan(250 * 1024);
  expect(text).toMatch(/^line \d+\n/);
  expect(text.endsWith('line 39999\n')).toBe(true);
});

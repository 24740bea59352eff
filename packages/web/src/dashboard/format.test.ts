import { expect, it } from 'vitest';
import { formatBytes, formatDuration } from './format.ts';

it.each([
  [-5, '0 s'],
  [999, '0 s'],
  [59_999, '59 s'],
  [754_000, '12 min'],
  [3_600_000, '1 h'],
  [12_000_000, '3 h 20 min'],
  [90_000_000, '1 d 1 h'],
])('formats %i ms', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [184_320, '180 KiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
  [5000 * 1024 ** 4, '5000 TiB'],
])('formats %i bytes', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

import { expect, test } from 'vitest';
import { beginsWithInput } from './rfb-input.ts';

const MASK = [0x12, 0x34, 0x56, 0x78];

/** A masked binary frame as browsers send it. */
function frame(message: number[]): Buffer {
  const masked = message.map((byte, index) => byte ^ (MASK[index % MASK.length] ?? 0));
  return Buffer.from([0x82, 0x80 | message.length, ...MASK, ...masked]);
}

test.each([
  ['key', [4, 1, 0, 0, 0, 0, 0, 0x61], true],
  ['pointer', [5, 1, 0, 10, 0, 10], true],
  ['clipboard', [6, 0, 0, 0, 0, 0, 0, 0], true],
  ['request for a picture', [3, 1, 0, 0, 0, 0, 5, 0, 3, 32], false],
  ['encodings', [2, 0, 0, 1, 0, 0, 0, 0], false],
])('%s', (_name, message, expected) => {
  expect(beginsWithInput(frame(message))).toBe(expected);
});

test('a piece that is too short is no input', () => {
  expect(beginsWithInput(Buffer.from([0x82, 0x80]))).toBe(false);
});

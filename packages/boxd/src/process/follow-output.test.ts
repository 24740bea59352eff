import { expect, test } from 'vitest';
import { wholeCharacters } from './follow-output.ts';
import { parseRecord } from './process-files.ts';

test('a character that is not whole yet waits for its rest', () => {
  const bytes = Buffer.from('aé');
  expect(wholeCharacters(bytes.subarray(0, 2), false)).toEqual(Buffer.from('a'));
  expect(wholeCharacters(bytes.subarray(0, 2), true)).toEqual(bytes.subarray(0, 2));
  expect(wholeCharacters(bytes, false)).toEqual(bytes);
});

test('bytes that are no text pass as they are', () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x80, 0x80]);
  expect(wholeCharacters(bytes, false)).toEqual(bytes);
  expect(wholeCharacters(Buffer.from([0xc3]), false)).toEqual(Buffer.from([0xc3]));
});

test.each([
  ['', { pid: null, ended: false }],
  ['started 12\n', { pid: 12, ended: false }],
  ['started 12\nexit 3\n', { pid: 12, ended: true, exitCode: 3, signal: null }],
  ['started 12\nsignal 9\n', { ended: true, exitCode: null, signal: 9 }],
  ['refused EXEC 2\n', { pid: null, ended: true, refused: { step: 'EXEC', errno: 2 } }],
])('record %j', (text, expected) => {
  expect(parseRecord(text)).toMatchObject(expected);
});

import { expect, test } from 'vitest';
import { chordOf, keysymOf } from './keysyms.ts';

test.each([
  ['a', [0x61]],
  ['ctrl+shift+t', [0xffe3, 0xffe1, 0x74]],
  ['Ctrl++', [0xffe3, 0x2b]],
  ['+', [0x2b]],
  ['Page_Down', [0xff56]],
  ['F12', [0xffc9]],
  ['ArrowLeft', [0xff51]],
  ['é', [0xe9]],
])('%s', (text, keysyms) => {
  expect(chordOf(text)).toEqual(keysyms);
});

test.each(['', 'ctrl+', 'F25', 'nokey', 'ctrl+constructor'])('%j is no chord', (text) => {
  expect(() => chordOf(text)).toThrow('is not known');
});

test('characters beyond Latin-1 have keysyms of Unicode', () => {
  expect(keysymOf('€')).toBe(0x010020ac);
  expect(keysymOf('\n')).toBe(0xff0d);
});

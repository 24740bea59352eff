import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keysymOf } from './keysym.ts';
import { typedChange } from './typed-change.ts';

describe('typedChange', () => {
  it('tells typing, deleting and correcting', () => {
    expect(typedChange('__', '__a')).toEqual({ backspaces: 0, text: ['a'] });
    expect(typedChange('__', '_')).toEqual({ backspaces: 1, text: [] });
    expect(typedChange('__teh', '__the ')).toEqual({ backspaces: 2, text: ['h', 'e', ' '] });
    expect(typedChange('a', 'a')).toEqual({ backspaces: 0, text: [] });
  });

  it('leads from any text to any other, also outside the first plane of Unicode', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const { backspaces, text: typed } = typedChange(before, after);
        const kept = Array.from(before).slice(0, Array.from(before).length - backspaces);
        expect([...kept, ...typed].join('')).toBe(after);
      }),
    );
  });
});

it.each([
  ['a', 0x61],
  ['é', 0xe9],
  ['€', 0x010020ac],
  ['😀', 0x0101f600],
  ['\n', 0xff0d],
  ['\t', 0xff09],
])('gives %j its keysym', (character, keysym) => {
  expect(keysymOf(character)).toBe(keysym);
});

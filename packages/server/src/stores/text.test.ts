import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storableJson, storableText } from './text.ts';

const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });

test('text without such characters stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      fc.pre(!text.includes('\0'));
      expect(storableText(text)).toBe(text);
      expect(JSON.parse(storableJson({ text }))).toEqual({ text });
    }),
  );
});

test('whatever goes in, what comes out is well formed and has no NUL', () => {
  fc.assert(
    fc.property(fc.dictionary(anyText, anyText), (value) => {
      for (const [key, text] of Object.entries(JSON.parse(storableJson(value)) as Record<string, string>)) {
        expect((key + text).isWellFormed()).toBe(true);
        expect(key + text).not.toContain('\0');
      }
    }),
  );
});

test('a backslash before "u0000" is text, not an escape', () => {
  expect(JSON.parse(storableJson(String.raw`\u0000 and \\u0000`))).toBe(String.raw`\u0000 and \\u0000`);
  expect(JSON.parse(storableJson('\\\0'))).toBe('\\\ufffd');
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headAsText } from './truncate.ts';

describe('headAsText', () => {
  test('keeps the first bytes and never cuts a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(64), (text, limit) => {
        const head = headAsText(Buffer.from(text), limit);
        expect(text.startsWith(head)).toBe(true);
        expect(Buffer.byteLength(head)).toBeLessThanOrEqual(limit);
        // A character has at most four bytes, so at most three can be lost to the cut.
        if (Buffer.byteLength(text) > limit) expect(Buffer.byteLength(head)).toBeGreaterThan(limit - 4);
        else expect(head).toBe(text);
      }),
    );
  });

  test('takes bytes that are no UTF-8 for what they are', () => {
    const bytes = Buffer.alloc(10, 0x80);
    expect(headAsText(bytes, 8)).toBe('\uFFFD'.repeat(8));
  });
});

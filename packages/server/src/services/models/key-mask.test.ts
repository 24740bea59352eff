import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyMask } from './key-mask.ts';

function through(key: string | null, chunks: string[]): { pieces: string[]; whole: string } {
  const mask = new KeyMask(key);
  const pieces = [...chunks.map((chunk) => mask.push(Buffer.from(chunk))), mask.end()];
  const bytes = Buffer.concat(pieces);
  return { pieces: pieces.map((piece) => Buffer.from(piece).toString()), whole: bytes.toString() };
}

describe('KeyMask', () => {
  const KEY = 'sk-0123456789abcdef';

  test('masks a key wherever a stream is cut, and changes nothing else', () => {
    const part = fc.constantFrom(KEY, KEY.slice(0, 9), KEY.slice(9), 's', 'sk-', ' text ', 'ä€', '\n');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.integer({ min: 1, max: 30 }), (parts, size) => {
        const text = parts.join('');
        const bytes = Buffer.from(text);
        const mask = new KeyMask(KEY);
        const out: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += size) out.push(mask.push(bytes.subarray(at, at + size)));
        out.push(mask.end());
        expect(Buffer.concat(out).toString()).toBe(text.replaceAll(KEY, '*'.repeat(KEY.length)));
      }),
      { numRuns: 500 },
    );
  });

  test('holds back only what may be the beginning of the key', () => {
    expect(through(KEY, ['data: hello\n\n', 'and sk-01', '23!']).pieces).toEqual([
      'data: hello\n\n',
      'and ',
      'sk-0123!',
      '',
    ]);
  });

  test('leaves words alone that stand in for a key', () => {
    expect(through('ollama', ['ollama is a server']).whole).toBe('ollama is a server');
    expect(through(null, ['anything']).whole).toBe('anything');
  });

  test('masks texts', () => {
    expect(new KeyMask(KEY).text(`a ${KEY} b`)).toBe(`a ${'*'.repeat(KEY.length)} b`);
    expect(new KeyMask(null).text('a')).toBe('a');
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './kernel-messages.ts';
import { MarkedOutput } from './marked-output.ts';

const MARK = '\0mark\0';

function cut(bytes: Buffer, at: number[]): Buffer[] {
  const points = [...new Set(at.map((point) => point % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...points, bytes.length].map((end, index) => bytes.subarray(points[index - 1] ?? 0, end));
}

test('everything before the mark comes through, however it is cut', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\0', '\0m', '\n') });
  fc.assert(
    fc.property(text, fc.array(fc.nat()), (before, at) => {
      let out = '';
      const output = new MarkedOutput(MARK, (piece) => (out += piece));
      for (const piece of cut(Buffer.from(`${before}${MARK}after`), at)) output.push(piece);
      expect(out).toBe(before);
      expect(output.seen).toBe(true);
    }),
  );
});

test('lines come whole, however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[^\n]*$/)), fc.array(fc.nat()), (lines, at) => {
      const splitter = new LineSplitter();
      const text = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
      const found = cut(text, at).flatMap((piece) => splitter.push(piece.toString('latin1')));
      expect(found).toEqual(lines.map((line) => Buffer.from(line, 'latin1').toString('latin1')));
    }),
  );
});

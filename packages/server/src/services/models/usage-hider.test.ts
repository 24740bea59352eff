import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageHider } from './usage-hider.ts';

const DELTA = 'data: {"choices":[{"delta":{"content":"the \\"usage\\" of it"}}],"usage":null}\n\n';
const LAST = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":12}}\n\n';
const DONE = 'data: [DONE]\n\n';

function hide(text: string, sizes: number[]): string {
  const hider = new UsageHider();
  const bytes = Buffer.from(text);
  const out: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    out.push(hider.push(bytes.subarray(at, at + size)));
    at += size;
  }
  out.push(hider.push(bytes.subarray(at)), hider.end());
  return Buffer.concat(out).toString();
}

test('takes out the chunk that has nothing but the usage, however the bytes come', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 30 });
  fc.assert(
    fc.property(sizes, (pieces) => {
      expect(hide(DELTA + LAST + USAGE + DONE, pieces)).toBe(DELTA + LAST + DONE);
      const crlf = (DELTA + USAGE + DONE).replaceAll('\n', '\r\n');
      expect(hide(crlf, pieces)).toBe((DELTA + DONE).replaceAll('\n', '\r\n'));
    }),
  );
});

test.each([
  ['comments', ': OPENROUTER PROCESSING\n\n'],
  ['what is no JSON', 'data: {"usage"\n\n'],
  ['a stream that breaks off', 'data: {"choices":[],"usage":{"prompt'],
  ['an event that never ends', `data: {"usage": "${'x'.repeat(2 * 1024 * 1024)}`],
])('passes %s', (_what, text) => {
  expect(hide(text, [5, 900_000, 700_000])).toBe(text);
});

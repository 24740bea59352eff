import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatMs, Output, plainText } from './output.ts';

function capture(json: boolean): { output: Output; stdout: () => string; stderr: () => string } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const text = (stream: PassThrough) => (): string => (stream.read() as Buffer | null)?.toString() ?? '';
  return { output: new Output({ stdout, stderr, json }), stdout: text(stdout), stderr: text(stderr) };
}

test('for a program stdout holds the result alone, on one line', async () => {
  const { output, stdout, stderr } = capture(true);
  output.say('hello');
  await output.step('Working', () => Promise.resolve());
  output.result({ text: 'a\nb' });
  expect(stdout()).toBe('{"text":"a\\nb"}\n');
  expect(stderr()).toMatch(/^hello\n {2}✓ Working \(\d+ ms\)\n$/);
});

test('for people the narration is on stdout and the progress on stderr', async () => {
  const { output, stdout, stderr } = capture(false);
  output.say('hello');
  await expect(output.step('Working', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(stdout()).toBe('hello\n');
  expect(stderr()).toBe('  ✗ Working\n');
});

test('plain text has no control or direction characters, whatever came in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(plainText(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }),
  );
});

test.each([
  [12.4, '12 ms'],
  [1_250, '1.3 s'],
  [65_000, '1 min 05 s'],
  [119_600, '2 min 00 s'],
])('%d ms is told as %s', (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});

import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CdpPipe } from './cdp-pipe.ts';

test('messages come whole however the bytes are cut', async () => {
  const texts = fc.array(
    fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(
      texts,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (messages, cuts) => {
        const output = new PassThrough();
        const seen: string[] = [];
        new CdpPipe(
          new PassThrough(),
          output,
          (text) => seen.push(text),
          () => {},
        );
        const bytes = Buffer.from(messages.map((text) => `${text}\0`).join(''));
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const length = cuts[i % cuts.length]!;
          output.write(bytes.subarray(at, at + length));
          at += length;
        }
        output.end();
        await new Promise((done) => output.once('end', done));
        expect(seen).toEqual(messages);
      },
    ),
  );
});

test('sends NUL-ended messages and tells of the end', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const ended = new Promise<string>((done) => {
    new CdpPipe(input, output, () => {}, done).send('{"id":1}');
  });
  expect(input.read().toString()).toBe('{"id":1}\0');
  output.destroy();
  expect(await ended).toMatch(/closed/);
});

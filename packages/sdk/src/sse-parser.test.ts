import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SseParser } from './sse-parser.ts';

test('reads id, event and data, and passes comments over', () => {
  const events = new SseParser().push(
    ': heartbeat\n\nid: 7\nevent: sandbox.ready\ndata: {"a":1}\n\ndata:x\ndata: y\n\n',
  );
  expect(events).toEqual([
    { id: '7', event: 'sandbox.ready', data: '{"a":1}' },
    { id: '7', event: 'message', data: 'x\ny' },
  ]);
});

const line = fc.stringMatching(/^[a-zA-Z0-9 {}":,äß→]{0,20}$/);

test('the messages are the same however lines end and the text is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (messages, end, cuts) => {
        // The comment at the end shows the parser that a "\r" before it stood alone.
        const text = `${messages.map((lines) => lines.map((data) => `data: ${data}${end}`).join('') + end).join('')}:`;
        const parser = new SseParser();
        const got: string[] = [];
        for (let at = 0; at < text.length;) {
          const size = cuts.next().value;
          got.push(...parser.push(text.slice(at, at + size)).map((event) => event.data));
          at += size;
        }
        expect(got).toEqual(messages.map((lines) => lines.join('\n')));
      },
    ),
  );
});

test('a message without an end is refused', () => {
  const parser = new SseParser();
  const mebi = 'x'.repeat(1024 * 1024);
  expect(() => {
    for (let count = 0; count < 17; count += 1) parser.push(`data: ${mebi}\n`);
  }).toThrow(RangeError);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEnvelope, renumber } from './cdp-envelope.ts';

const SESSION = '0123456789ABCDEF0123456789ABCDEF';
const big = 'x'.repeat(70_000);

test.each([
  ['small', 'x'],
  ['large', big],
])('reads a %s reply and a %s event', (_size, fill) => {
  const reply = JSON.stringify({ id: 12, result: { data: fill }, sessionId: SESSION });
  expect(readEnvelope(reply)).toMatchObject({ id: 12, method: undefined, sessionId: SESSION });
  const event = JSON.stringify({ method: 'Page.frame', params: { data: fill }, sessionId: SESSION });
  expect(readEnvelope(event)).toMatchObject({ id: undefined, method: 'Page.frame', sessionId: SESSION });
});

test('data of a page cannot pose as the session of a large message', () => {
  const fake = `${big}","sessionId":"${SESSION}`;
  const text = JSON.stringify({ method: 'Runtime.consoleAPICalled', params: { data: fake } });
  expect(readEnvelope(text)?.sessionId).toBeUndefined();
  const nested = JSON.stringify({ method: 'A.b', params: { data: big, sessionId: SESSION } });
  expect(readEnvelope(nested)?.sessionId).toBeUndefined();
});

test('what is no message is none', () => {
  for (const text of ['', 'x', 'null', '3', `{"id":1,${big}`]) expect(readEnvelope(text)).toBeUndefined();
});

test('renumbering changes id and session alone, whatever the message holds', () => {
  const messages = fc.record({
    id: fc.nat(),
    result: fc.dictionary(fc.string(), fc.jsonValue()),
    fill: fc.constantFrom('', big),
    first: fc.boolean(),
    drop: fc.boolean(),
    next: fc.nat(),
  });
  fc.assert(
    fc.property(messages, ({ id, result, fill, first, drop, next }) => {
      const body = { id, result: { ...result, fill } };
      // Chromium puts the session last; the order must not matter.
      const text = JSON.stringify(first ? { sessionId: SESSION, ...body } : { ...body, sessionId: SESSION });
      const changed = renumber(text, readEnvelope(text)!, { id: next, dropSession: drop });
      const expected = { ...body, id: next, ...(drop ? {} : { sessionId: SESSION }) };
      expect(JSON.parse(changed)).toEqual(JSON.parse(JSON.stringify(expected)));
    }),
  );
});

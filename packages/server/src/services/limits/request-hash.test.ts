import { expect, test } from 'vitest';
import { requestHash } from './request-hash.ts';

test('the order of fields does not matter, everything else does', () => {
  const hash = requestHash({ body: { a: 1, b: { c: [1, 2], d: null } }, query: {} });
  expect(requestHash({ query: {}, body: { b: { d: null, c: [1, 2] }, a: 1 } })).toBe(hash);
  for (const body of [
    { a: 1, b: { c: [2, 1], d: null } },
    { a: '1', b: { c: [1, 2], d: null } },
    { a: 1, b: { c: [1, 2] } },
  ]) {
    expect(requestHash({ body, query: {} })).not.toBe(hash);
  }
});

import { expect, it } from 'vitest';
import { factsOf } from './facts.ts';

it('shows text as it is and everything else as JSON', () => {
  expect(factsOf({ id: 'abc', scopes: ['a', 'b'], expiresAt: null, count: 2 })).toEqual([
    'id: abc',
    'scopes: ["a","b"]',
    'expiresAt: null',
    'count: 2',
  ]);
  expect(factsOf({})).toEqual([]);
});

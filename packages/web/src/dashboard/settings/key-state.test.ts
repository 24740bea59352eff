import { expect, it } from 'vitest';
import { keyState } from './key-state.ts';

const key = { revokedAt: null, expiresAt: null, replacedBy: null };

it.each([
  [key, 'active'],
  [{ ...key, expiresAt: 101 }, 'active'],
  [{ ...key, expiresAt: 100 }, 'expired'],
  [{ ...key, replacedBy: 'b', expiresAt: 101 }, 'ending'],
  [{ ...key, replacedBy: 'b', expiresAt: 100 }, 'expired'],
  [{ ...key, revokedAt: 50, expiresAt: 60 }, 'revoked'],
  // The server’s clock may be ahead of this one.
  [{ ...key, revokedAt: 150 }, 'revoked'],
])('tells what %j is good for', (value, expected) => {
  expect(keyState(value, 100)).toBe(expected);
});

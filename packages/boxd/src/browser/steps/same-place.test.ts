import { expect, test } from 'vitest';
import { isSamePlace } from './same-place.ts';

test.each([
  ['http://a/x?who=ada#top', 'http://a/x?who=bob', true],
  ['http://a/orders/4711', 'http://a/orders/4712', true],
  [
    'http://a/o/0190163d-8694-739b-aea5-966c26f8ad91',
    'http://a/o/0199a1b2-8694-739b-aea5-966c26f8ad92',
    true,
  ],
  ['http://a/orders', 'http://a/login', false],
  ['http://a/x', 'https://a/x', false],
  ['http://a/x', 'http://b/x', false],
  ['about:blank', 'about:blank', true],
  ['not an address', 'about:blank', false],
])('%s and %s: %s', (one, other, same) => {
  expect(isSamePlace(one, other)).toBe(same);
});

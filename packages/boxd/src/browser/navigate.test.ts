import { expect, test } from 'vitest';
import { checkAddress } from './navigate.ts';

test.each(['http://a.test/', 'https://a.test/x?y#z', 'about:blank'])('%s is taken', (url) => {
  expect(checkAddress(url)).toBe(url);
});

test.each([
  'file:///etc/passwd',
  'chrome://settings/',
  'view-source:http://a',
  'data:text/html,x',
  'about:config',
  'a',
])('%s is refused with what is allowed', (url) => {
  expect(() => checkAddress(url)).toThrow(/not allowed; give an absolute http/);
});

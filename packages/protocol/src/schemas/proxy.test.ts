import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseProxyUrl, plainProxyUrl, proxyUrl } from './proxy.ts';

test('what a URL leaves out has its usual value', () => {
  expect(parseProxyUrl('http://proxy.example')).toEqual({
    protocol: 'http',
    host: 'proxy.example',
    port: 80,
  });
  expect(parseProxyUrl('https://proxy.example/')).toMatchObject({ protocol: 'https', port: 443 });
  expect(parseProxyUrl('socks5h://10.0.0.1')).toMatchObject({ protocol: 'socks5', port: 1080 });
});

test('any name and password survive the way into a URL and back', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (username, password) => {
      fc.pre((username + password).isWellFormed());
      const proxy = { protocol: 'socks5' as const, host: 'proxy.example', port: 1080, username, password };
      expect(parseProxyUrl(proxyUrl(proxy))).toEqual(proxy);
      expect(plainProxyUrl(proxy)).toBe('socks5://proxy.example:1080');
    }),
  );
});

test('a password whose percent signs were not encoded stands for itself', () => {
  expect(parseProxyUrl('http://ada:100%@proxy.example:1')?.password).toBe('100%');
});

test.each([
  '',
  'proxy.example:3128',
  'ftp://proxy.example',
  'http://proxy.example/path',
  'http://[::1]:1',
  'http://proxy.example:0',
])('%j is no proxy that can be used', (text) => expect(parseProxyUrl(text)).toBeUndefined());

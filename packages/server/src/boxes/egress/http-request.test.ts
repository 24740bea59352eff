import { expect, test } from 'vitest';
import { passedHeaders, targetOf } from './http-request.ts';

const DESTINATION = { address: '11.0.0.1', port: 80 };

test.each([
  ['/x?y', ['Host', 'Site.Example.'], { host: 'site.example', path: '/x?y' }],
  ['/', ['host', 'site.example:80'], { host: 'site.example', path: '/' }],
  ['*', ['Host', 'site.example'], { host: 'site.example', path: '*' }],
  ['/', [], { host: '11.0.0.1', path: '/' }],
  ['http://site.example/a?b#c', ['Host', 'site.example'], { host: 'site.example', path: '/a?b' }],
])('the target of %s with %j', (url, rawHeaders, target) => {
  expect(targetOf({ url, rawHeaders }, DESTINATION)).toEqual(target);
});

test.each([
  ['/', ['Host', 'site.example', 'HOST', 'evil.example']],
  ['/', ['Host', 'site.example evil.example']],
  ['/', ['Host', '']],
  ['/', ['Host', 'user@site.example']],
  ['/', ['Host', '[::1]']],
  ['http://evil.example/', ['Host', 'site.example']],
  ['http://site.example:8080/', ['Host', 'site.example']],
  ['https://site.example/', ['Host', 'site.example']],
  ['http://site.example@evil.example/', ['Host', 'evil.example']],
  ['evil.example', ['Host', 'site.example']],
])('%s with %j is refused', (url, rawHeaders) => {
  expect(targetOf({ url, rawHeaders }, DESTINATION)).toHaveProperty('refusal');
});

test('headers of one hop are not passed on, nor those that Connection names', () => {
  const headers = ['Host', 'a', 'Connection', 'close, X-Hop', 'X-Hop', '1', 'Keep-Alive', '5', 'X-End', '2'];
  expect(passedHeaders(headers)).toEqual(['Host', 'a', 'X-End', '2']);
  expect(passedHeaders(['Connection', 'Host', 'Host', 'a'])).toEqual(['Host', 'a']);
  expect(passedHeaders(['Transfer-Encoding', 'gzip, chunked'])).toEqual(['Transfer-Encoding', 'chunked']);
});

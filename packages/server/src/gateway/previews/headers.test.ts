import { expect, test } from 'vitest';
import {
  headerPairs,
  ownCookie,
  publicLocation,
  replyHeaders,
  requestHeaders,
  withoutToken,
} from './headers.ts';

const origin = 'http://8080-abcdefghijklmnopqrst.localhost:7070';
const passage = { port: 8080, origin, clientAddress: '127.0.0.1' };

function sent(...raw: string[]): Record<string, string> {
  return Object.fromEntries(headerPairs(requestHeaders(raw, passage)));
}

test('the program sees itself addressed, and is told where the client came to', () => {
  expect(sent('Host', 'x', 'Origin', origin, 'Referer', `${origin}/a?banata_token=t&b=1`)).toEqual({
    host: 'localhost:8080',
    Origin: 'http://localhost:8080',
    Referer: 'http://localhost:8080/a?b=1',
    'x-forwarded-host': '8080-abcdefghijklmnopqrst.localhost:7070',
    'x-forwarded-proto': 'http',
    'x-forwarded-for': '127.0.0.1',
  });
});

test.each([
  ['Connection', 'keep-alive, X-Private'],
  ['X-Forwarded-For', '10.0.0.1'],
  ['Forwarded', 'for=10.0.0.1'],
  ['x-real-ip', '10.0.0.1'],
  ['Transfer-Encoding', 'chunked'],
  ['Proxy-Authorization', 'Basic x'],
  ['x-banata-preview-token', 'secret'],
  ['Authorization', 'Bearer br_live_0123'],
])('%s of the client does not reach the program', (name, value) => {
  const headers = requestHeaders([name, value, 'X-Private', '1', 'Accept', '*/*'], passage);
  expect(headers).toContain('Accept');
  expect(headers).not.toContain(value);
  if (name === 'Connection') expect(headers).not.toContain('X-Private');
});

test('an Authorization header of the program’s own passes', () => {
  expect(sent('Authorization', 'Bearer eyJ')).toMatchObject({ Authorization: 'Bearer eyJ' });
});

test('the gateway’s cookie is taken out, others stay', () => {
  expect(sent('Cookie', 'a=1; banata_preview=t.x; b=2')['Cookie']).toBe('a=1; b=2');
  expect(sent('Cookie', 'banata_preview=t.x')['Cookie']).toBeUndefined();
  expect(ownCookie('a=1; banata_preview=t.x')).toBe('t.x');
  expect(ownCookie('xbanata_preview=t.x')).toBeUndefined();
});

test('replies set cookies for their own host only, and never the gateway’s', () => {
  const raw = [
    'Set-Cookie',
    'a=1; Domain=localhost; Path=/',
    'Set-Cookie',
    'banata_preview=evil',
    'Alt-Svc',
    'h3',
  ];
  expect(replyHeaders([...raw, 'Strict-Transport-Security', 'max-age=1'], passage)).toEqual([
    'Set-Cookie',
    'a=1; Path=/',
  ]);
});

test.each([
  ['http://localhost:8080/a?b', `${origin}/a?b`],
  ['http://127.0.0.1:8080', origin],
  ['https://0.0.0.0:8080/#x', `${origin}/#x`],
  ['http://localhost:8081/a', 'http://localhost:8081/a'],
  ['http://localhost:8080.evil.com/', 'http://localhost:8080.evil.com/'],
  ['/relative', '/relative'],
  ['https://example.com/', 'https://example.com/'],
])('Location %s becomes %s', (location, expected) => {
  expect(publicLocation(location, 8080, origin)).toBe(expected);
});

test.each([
  ['/a?banata_token=x', '/a'],
  ['/a?b=1&banata_token=x&c=%20', '/a?b=1&c=%20'],
  ['/a?b', '/a?b'],
  ['/a?xbanata_token=1', '/a?xbanata_token=1'],
])('%s without its token is %s', (path, expected) => {
  expect(withoutToken(path)).toBe(expected);
});

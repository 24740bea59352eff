import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { authorize, type Admission } from './authorize.ts';

const origin = 'http://8080-abcdefghijklmnopqrst.localhost:7070';
const preview = {
  label: '8080-abcdefghijklmnopqrst',
  sandbox_id: 's',
  organization_id: 'o',
  port: 8080,
  public: false,
  expires_at: 61_000,
  created_at: 0,
};

function admit(
  url: string,
  headers: Record<string, string> = {},
  isPublic = false,
  method = 'GET',
): Admission {
  return authorize({ url, headers, method } as unknown as IncomingMessage, {
    preview: { ...preview, public: isPublic },
    origin,
    accepts: (token) => token === 'good',
    now: 1_000,
  });
}

const cookie = 'banata_preview=good';

test('a public preview takes all', () => {
  expect(admit('/', {}, true)).toEqual({});
});

test('a token in the URL is turned into a cookie that ends with the preview', () => {
  expect(admit('/a?banata_token=good').cookie).toBe(
    'banata_preview=good; Path=/; Max-Age=60; HttpOnly; SameSite=Lax',
  );
});

test.each([
  ['a header', '/', { 'x-banata-preview-token': 'good' }],
  ['the cookie', '/', { cookie }],
  ['the cookie, from its own page', '/', { cookie, origin, 'sec-fetch-site': 'same-origin' }],
  [
    'the cookie, by a link elsewhere',
    '/',
    { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
  ],
])('%s lets in', (_name, url, headers) => {
  expect(admit(url, headers)).toEqual({});
});

test.each<[string, string, Record<string, string>, string]>([
  ['nothing', '/', {}, 'GET'],
  [
    'a wrong token',
    '/?banata_token=bad',
    { 'x-banata-preview-token': 'bad', cookie: 'banata_preview=bad' },
    'GET',
  ],
  ['the cookie, from a page elsewhere', '/', { cookie, 'sec-fetch-site': 'same-site' }, 'GET'],
  [
    'the cookie, by a form elsewhere',
    '/',
    { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    'POST',
  ],
  ['the cookie, from a WebSocket elsewhere', '/', { cookie, origin: 'http://evil.test' }, 'GET'],
])('%s does not', (_name, url, headers, method) => {
  expect(() => admit(url, headers, false, method)).toThrow(
    expect.objectContaining({ code: 'PREVIEW_UNAUTHORIZED' }),
  );
});

import { describe, expect, it } from 'vitest';
import { ServerApi } from './server-api.ts';

function apiThatAnswers(answer: () => Promise<Response>): { api: ServerApi; asked: [string, RequestInit][] } {
  const asked: [string, RequestInit][] = [];
  const api = new ServerApi({
    baseUrl: 'http://server',
    apiKey: 'br_live_x',
    fetch: (input, init) => {
      asked.push([input instanceof Request ? input.url : String(input), init ?? {}]);
      return answer();
    },
  });
  return { api, asked };
}

describe('ServerApi', () => {
  it('asks as the contract says', async () => {
    const { api, asked } = apiThatAnswers(() => Promise.resolve(Response.json({ ok: true })));
    await api.signIn({ email: 'ada@example.com', password: 'x' });
    await api.removeUser('a&b');
    expect(asked.map(([url, init]) => `${init.method} ${url}`)).toEqual([
      'POST http://server/v1/auth/sign-in',
      'DELETE http://server/v1/users?id=a%26b',
    ]);
    expect(asked[0]?.[1].body).toBe('{"email":"ada@example.com","password":"x"}');
    expect(asked[1]?.[1].body).toBeUndefined();
  });

  it('tells what the server said, with what belongs to it', async () => {
    const body = { error: 'Several', code: 'CONFLICT', suggestion: 'Choose', organizations: [{ id: 'a' }] };
    const { api } = apiThatAnswers(() => Promise.resolve(Response.json(body, { status: 409 })));
    await expect(api.me()).rejects.toMatchObject({
      status: 409,
      code: 'CONFLICT',
      message: 'Several',
      suggestion: 'Choose',
      details: { organizations: [{ id: 'a' }] },
    });
  });

  it.each([
    [
      () => Promise.resolve(new Response('<html>', { status: 502 })),
      { code: 'INVALID_RESPONSE', status: 502 },
    ],
    [() => Promise.resolve(new Response('<html>')), { code: 'INVALID_RESPONSE', status: 200 }],
    [() => Promise.reject(new TypeError('fetch failed')), { code: 'NETWORK_ERROR', status: 0 }],
  ])('makes an error of everything else', async (answer, expected) => {
    await expect(apiThatAnswers(answer).api.me()).rejects.toMatchObject(expected);
  });
});

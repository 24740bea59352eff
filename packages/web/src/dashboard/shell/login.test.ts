import { describe, expect, it } from 'vitest';
import { clientKey, loginRequest, type Login } from './login.ts';

function sent(login: Login): RequestInit {
  return loginRequest(login, {
    method: 'POST',
    headers: { authorization: `Bearer ${clientKey(login)}`, 'content-type': 'application/json' },
  });
}

describe('loginRequest', () => {
  it('sends the key and keeps the cookie back', () => {
    const request = sent({ kind: 'key', key: 'br_live_x' });
    expect(new Headers(request.headers).get('authorization')).toBe('Bearer br_live_x');
    expect(request.credentials).toBe('omit');
  });

  it('sends the cookie, to this server only, and no key', () => {
    const request = sent({ kind: 'session' });
    expect([...new Headers(request.headers)]).toEqual([['content-type', 'application/json']]);
    expect(request).toMatchObject({ method: 'POST', credentials: 'same-origin' });
  });
});

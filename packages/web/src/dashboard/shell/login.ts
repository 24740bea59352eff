/** How the dashboard proves who uses it: by the API key of this tab, or by the session cookie, which pages cannot read. */
export type Login = { kind: 'key'; key: string } | { kind: 'session' };

/** What the SDK, which always wants a key, gets for a session; {@link loginRequest} takes it out again. */
const NO_KEY = 'session';

/** The key that clients are made with. */
export function clientKey(login: Login): string {
  return login.kind === 'key' ? login.key : NO_KEY;
}

/** A request of a client made with {@link clientKey}, as it is sent: with the key or the cookie, never with both. */
export function loginRequest(login: Login, init: RequestInit = {}): RequestInit {
  if (login.kind === 'key') return { ...init, credentials: 'omit', cache: 'no-store' };
  const headers = new Headers(init.headers);
  headers.delete('authorization');
  return { ...init, headers, credentials: 'same-origin', cache: 'no-store' };
}

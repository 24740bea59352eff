import { generateKeyPairSync, createHash, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { TestPostgres } from '../../testing/database.ts';
import { TestServer } from '../../testing/test-server.ts';

const CLIENT = 'banata-test';
const CLIENT_SECRET = 'secret of the client';

/** What the provider says of the person that signs in. */
interface Person {
  sub: string;
  email: string;
  email_verified?: boolean;
  name?: string;
}

/** An OpenID Connect provider that signs in whoever it is told to, with real keys and real checks of PKCE. */
class Provider {
  person: Person = { sub: 'nobody', email: 'nobody@example.test' };
  /** Changes claims of the next id token, to see that they are checked. */
  tamper: Record<string, unknown> = {};
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #codes = new Map<string, { challenge: string; nonce: string; redirectUri: string }>();
  readonly #server: Server = createServer((request, response) => {
    void this.#answer(request).then(({ status, body }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    );
  });

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** What a browser does at the provider: signs in and is sent back. */
  authorize(url: URL): URL {
    const query = url.searchParams;
    expect([query.get('client_id'), query.get('response_type')]).toEqual([CLIENT, 'code']);
    expect(query.get('code_challenge_method')).toBe('S256');
    const code = randomUUID();
    const redirectUri = query.get('redirect_uri') ?? '';
    this.#codes.set(code, {
      challenge: query.get('code_challenge') ?? '',
      nonce: query.get('nonce') ?? '',
      redirectUri,
    });
    const back = new URL(redirectUri);
    back.search = new URLSearchParams({ code, state: query.get('state') ?? '', iss: this.issuer }).toString();
    return back;
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const { issuer } = this;
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return {
          status: 200,
          body: {
            issuer,
            authorization_endpoint: `${issuer}/authorize`,
            token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/jwks`,
            response_types_supported: ['code'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: ['RS256'],
          },
        };
      case '/jwks':
        return {
          status: 200,
          body: { keys: [{ ...this.#keys.publicKey.export({ format: 'jwk' }), kid: 'k' }] },
        };
      case '/token':
        return this.#token(request);
      default:
        return { status: 404, body: {} };
    }
  }

  async #token(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const form = new URLSearchParams(text);
    const issued = this.#codes.get(form.get('code') ?? '');
    this.#codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const client = [form.get('client_id'), form.get('client_secret')];
    if (
      issued?.challenge !== challenge ||
      issued.redirectUri !== form.get('redirect_uri') ||
      client[1] !== CLIENT_SECRET
    )
      return { status: 400, body: { error: 'invalid_grant' } };
    return {
      status: 200,
      body: { access_token: 'a', token_type: 'bearer', id_token: this.#idToken(issued.nonce) },
    };
  }

  #idToken(nonce: string): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer,
      aud: CLIENT,
      iat: now,
      exp: now + 60,
      nonce,
      ...this.person,
      ...this.tamper,
    };
    this.tamper = {};
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const signed = `${encode({ alg: 'RS256', kid: 'k' })}.${encode(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), this.#keys.privateKey).toString('base64url')}`;
  }
}

const provider = new Provider();
let postgres: TestPostgres;
let server: TestServer;
/** Same settings and database: the answer may reach another server than the one that sent the browser away. */
let peer: TestServer;

beforeAll(async () => {
  await provider.start();
  postgres = await TestPostgres.start();
  const database = await postgres.create();
  const first = await TestServer.start({ database, jobs: false });
  const { organization } = z
    .object({ organization: z.object({ id: z.string() }) })
    .parse(await (await first.fetch('/v1/auth/me', { key: first.apiKey })).json());
  await first.fetch('/v1/users', {
    method: 'POST',
    key: first.apiKey,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'invited@example.test', role: 'member' }),
  });
  await first.close();
  const env = {
    BANATA_PUBLIC_URL: 'http://banata.test',
    BANATA_OIDC_ISSUER: provider.issuer,
    BANATA_OIDC_CLIENT_ID: CLIENT,
    BANATA_OIDC_CLIENT_SECRET: CLIENT_SECRET,
    BANATA_OIDC_ORGANIZATION: organization.id,
  };
  server = await TestServer.start({ database, jobs: false, env });
  peer = await TestServer.start({ database, jobs: false, env });
});
afterAll(async () => {
  await server.close();
  await peer.close();
  await postgres.close();
  await provider.close();
});

async function begin(): Promise<{ away: URL; cookie: string }> {
  const reply = await server.fetch('/v1/auth/oidc/start', { redirect: 'manual' });
  expect(reply.status).toBe(302);
  const [cookie = ''] = reply.headers.getSetCookie();
  expect(cookie).toMatch(/HttpOnly/);
  return { away: new URL(reply.headers.get('location') ?? ''), cookie: cookie.split(';')[0] ?? '' };
}

async function come(back: URL, cookie: string): Promise<{ status: number; session: string }> {
  const reply = await peer.fetch(back.pathname + back.search, { redirect: 'manual', headers: { cookie } });
  const session = reply.headers.getSetCookie().find((each) => each.startsWith('banata_session='));
  if (reply.status === 302) expect(reply.headers.get('location')).toBe('/');
  return { status: reply.status, session: session?.split(';')[0] ?? '' };
}

async function signIn(person: Person): Promise<{ status: number; session: string }> {
  provider.person = person;
  const { away, cookie } = await begin();
  return come(provider.authorize(away), cookie);
}

async function who(session: string): Promise<unknown> {
  return (await server.fetch('/v1/auth/me', { headers: { cookie: session } })).json();
}

test('an invited person and a newcomer sign in, through two servers', async () => {
  expect(await (await server.fetch('/v1/auth/methods')).json()).toEqual({ password: true, oidc: true });
  const invited = await signIn({ sub: '1', email: 'Invited@example.test', email_verified: true });
  expect(await who(invited.session)).toMatchObject({
    user: { email: 'invited@example.test', role: 'member' },
  });
  const newcomer = await signIn({ sub: '2', email: 'new@example.test', email_verified: true, name: 'New' });
  expect(await who(newcomer.session)).toMatchObject({
    user: { name: 'New', role: 'viewer', hasPassword: false },
  });
  expect((await signIn({ sub: '2', email: 'new@example.test', email_verified: true })).status).toBe(302);
});

test('an unverified address, and an address that now belongs to another person, are refused', async () => {
  expect(await signIn({ sub: '3', email: 'invited@example.test' })).toEqual({ status: 401, session: '' });
  expect(await signIn({ sub: '4', email: 'new@example.test', email_verified: true })).toEqual({
    status: 401,
    session: '',
  });
});

test('state, nonce, audience, issuer, expiry and the browser are checked', async () => {
  const person = { sub: '1', email: 'invited@example.test', email_verified: true };
  provider.person = person;
  const refused = { status: 401, session: '' };
  for (const tamper of [{ nonce: 'x' }, { aud: 'other' }, { iss: 'http://other.test' }, { exp: 1 }]) {
    provider.tamper = tamper;
    expect(await signIn(person), JSON.stringify(tamper)).toEqual(refused);
  }
  const { away, cookie } = await begin();
  const back = provider.authorize(away);
  expect(await come(back, ''), 'another browser').toEqual(refused);
  const wrongState = new URL(back);
  wrongState.searchParams.set('state', 'x');
  expect(await come(wrongState, cookie), 'state').toEqual(refused);
  const other = await begin();
  expect(await come(back, other.cookie), 'the cookie of another sign-in').toEqual(refused);
  expect((await come(back, cookie)).status, 'the right one').toBe(302);
  expect(await come(back, cookie), 'a code is good once').toEqual(refused);
});

test('without a provider the routes say so', async () => {
  const plain = await TestServer.start({ database: await postgres.create(), jobs: false });
  try {
    for (const path of ['start', 'callback']) {
      expect((await plain.fetch(`/v1/auth/oidc/${path}`)).status).toBe(501);
    }
  } finally {
    await plain.close();
  }
});

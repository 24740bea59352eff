import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callApi, type Answer } from '../../testing/call-api.ts';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
/** Another server on the same database. */
let peer: TestServer;
let key: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database });
  peer = await TestServer.start({ database });
  key = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await peer.close();
  await postgres.close();
});

type CallOptions = NonNullable<Parameters<typeof callApi>[2]>;

function call(path: string, { on = server, ...options }: CallOptions & { on?: TestServer }): Promise<Answer> {
  return callApi(on, path, options);
}

describe('users and sessions', () => {
  const origin = () => ({ origin: server.url });
  const signIn = (email: string, password: string, on = server) =>
    call('/v1/auth/sign-in', { on, body: { email, password }, headers: { origin: on.url } });
  const cookieOf = ({ headers }: Answer) => headers.getSetCookie()[0]?.split(';')[0] ?? '';

  async function invite(
    email: string,
    role: string,
    password: string,
  ): Promise<{ id: string; cookie: string }> {
    const { body } = await call('/v1/users', { key, body: { email, role } });
    const accepted = await call('/v1/auth/accept-invitation', {
      body: { token: body.invitation.token, password },
    });
    expect(accepted.status).toBe(200);
    return { id: body.user.id, cookie: cookieOf(accepted) };
  }

  test('the owner of the first start signs in; the cookie is for HTTP only and works on every server', async () => {
    const { email = '', password = '' } = server.owner ?? {};
    expect(peer.owner).toBeUndefined();
    const answer = await signIn(email.toUpperCase(), password);
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^banata_session=bs_\w+; Path=\/; Expires=.*; HttpOnly; SameSite=Lax$/,
    );
    const me = await call('/v1/auth/me', { on: peer, headers: { cookie: cookieOf(answer) } });
    expect(me.body).toMatchObject({
      user: { email, role: 'owner' },
      apiKey: null,
      scopes: null,
      operator: true,
    });
  });

  test('an invitation works once, a second link ends the first, sign-out ends the session everywhere', async () => {
    const { body } = await call('/v1/users', { key, body: { email: 'twice@example.test', role: 'member' } });
    const again = await call('/v1/users/invite', { key, body: { id: body.user.id } });
    const accept = (token: string) =>
      call('/v1/auth/accept-invitation', { body: { token, password: 'long enough' } });
    expect((await accept(body.invitation.token)).body.code).toBe('INVITATION_INVALID');
    const accepted = await accept(again.body.invitation.token);
    expect(accepted.status).toBe(200);
    expect((await accept(again.body.invitation.token)).status).toBe(401);
    const cookie = cookieOf(accepted);
    const out = await call('/v1/auth/sign-out', { body: {}, headers: { cookie, ...origin() } });
    expect(out.status).toBe(200);
    expect((await call('/v1/auth/me', { on: peer, headers: { cookie } })).status).toBe(401);
  });

  test('a change of password ends the other sessions; the role holds from the next request on', async () => {
    const { id, cookie } = await invite('changes@example.test', 'member', 'first password');
    const other = cookieOf(await signIn('changes@example.test', 'first password'));
    const change = (currentPassword: string) =>
      call('/v1/auth/password', {
        body: { currentPassword, newPassword: 'second password' },
        headers: { cookie, ...origin() },
      });
    expect((await change('wrong password')).body.code).toBe('SIGN_IN_FAILED');
    expect((await change('first password')).status).toBe(200);
    const me = (which: string) => call('/v1/auth/me', { on: peer, headers: { cookie: which } });
    expect([(await me(cookie)).status, (await me(other)).status]).toEqual([200, 401]);
    await call('/v1/users/role', { key, body: { id, role: 'viewer' } });
    expect((await me(cookie)).body.scopes).toEqual(['browser_sessions:read', 'sandbox_sessions:read']);
    await call(`/v1/users?id=${id}`, { key, method: 'DELETE' });
    expect((await me(cookie)).status).toBe(401);
  });

  test('the last owner stays, also when two owners remove each other at once', async () => {
    const { body } = await call('/v1/organizations', {
      key,
      body: { name: 'small', ownerEmail: 'one@small.test' },
    });
    const theirs = body.apiKey.key;
    const first = body.owner.user.id;
    expect((await call(`/v1/users?id=${first}`, { key: theirs, method: 'DELETE' })).status).toBe(409);
    const second = await call('/v1/users', { key: theirs, body: { email: 'two@small.test', role: 'owner' } });
    const both = await Promise.all(
      [first, second.body.user.id].map((id, n) =>
        call(`/v1/users?id=${id}`, { on: n === 0 ? server : peer, key: theirs, method: 'DELETE' }),
      ),
    );
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });

  test('one address in two organizations: neither password opens the other account', async () => {
    const { body } = await call('/v1/organizations', {
      key,
      body: { name: 'hijacker', ownerEmail: 'shared@example.test' },
    });
    const password = 'chosen by another';
    await call('/v1/auth/accept-invitation', { body: { token: body.owner.invitation.token, password } });
    await invite('shared@example.test', 'owner', 'chosen by the person');
    const reply = await signIn('shared@example.test', password);
    expect(reply.body.organization.name).toBe('hijacker');
    expect((await signIn('shared@example.test', 'chosen by the person')).body.organization.name).toBe(
      'default',
    );
  });

  test('the same password in two organizations asks which one', async () => {
    const { body } = await call('/v1/organizations', {
      key,
      body: { name: 'twin', ownerEmail: 'twin@example.test' },
    });
    const password = 'the very same one';
    await call('/v1/auth/accept-invitation', { body: { token: body.owner.invitation.token, password } });
    await invite('twin@example.test', 'member', password);
    const asked = await signIn('twin@example.test', password);
    expect([asked.status, asked.body.organizations.map(({ name }) => name).toSorted()]).toEqual([
      409,
      ['default', 'twin'],
    ]);
    const chosen = { email: 'twin@example.test', password, organizationId: body.organization.id };
    expect((await call('/v1/auth/sign-in', { body: chosen })).body.organization.name).toBe('twin');
  });

  test('failed sign-ins are limited over all servers, and do not tell whether an account exists', async () => {
    await invite('limited@example.test', 'viewer', 'right password');
    const times: Record<string, number[]> = {};
    const emails = ['limited@example.test', 'nobody@example.test'];
    // In turn, so that what else runs on the machine slows both alike.
    for (let n = 0; n < 10; n += 1) {
      for (const email of emails) {
        const startedAt = performance.now();
        const reply = await signIn(email, 'wrong password', n % 2 === 0 ? server : peer);
        (times[email] ??= []).push(performance.now() - startedAt);
        expect([reply.status, reply.body.error]).toEqual([401, 'Wrong e-mail address or password']);
      }
    }
    for (const email of emails) {
      const blocked = await signIn(email, 'right password', peer);
      expect([blocked.status, blocked.body.code]).toEqual([429, 'SIGN_IN_BLOCKED']);
      expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(800);
    }
    // The quickest of each: the others were held up by something else.
    const [known = 0, unknown = 0] = emails.map((email) => Math.min(...(times[email] ?? [])));
    process.stdout.write(
      `failed sign-in, least ms: account ${known.toFixed(0)}, none ${unknown.toFixed(0)}\n`,
    );
    expect(unknown / known).toBeGreaterThan(0.6);
    expect(unknown / known).toBeLessThan(1.7);
  });

  test('a page of another site cannot sign its visitor in', async () => {
    const reply = await call('/v1/auth/sign-in', {
      body: { email: 'a@b.test', password: 'x' },
      headers: { origin: 'https://evil.test' },
    });
    expect(reply.body.code).toBe('ORIGIN_REFUSED');
  });

  test('control characters in addresses and names are refused, not stored', async () => {
    const reply = await call('/v1/users', { key, body: { email: 'a\u0000@b.test', role: 'viewer' } });
    expect([reply.status, reply.body.field]).toEqual([400, 'email']);
    expect((await call('/v1/audit?route=%00&actorId=%00', { key })).status).toBe(200);
  });
});

describe('first start', () => {
  test('four servers at once make one organization, one key and one owner', async () => {
    const empty = await postgres.create();
    const servers = await Promise.all(
      Array.from({ length: 4 }, () => TestServer.start({ database: empty, jobs: false })),
    );
    try {
      const winners = servers.filter(({ apiKey }) => apiKey !== undefined);
      expect(winners.length).toBe(1);
      const reply = await call('/v1/organizations', {
        on: servers[0] ?? server,
        key: winners[0]?.apiKey ?? '',
      });
      expect(reply.body.data).toMatchObject([{ name: 'default', operator: true }]);
    } finally {
      await Promise.all(servers.map((each) => each.close()));
    }
  });

  test('secrets that could not be written down are not committed', async () => {
    const empty = await postgres.create();
    const first = await TestServer.start({ database: empty, jobs: false });
    await first.close();
    const db = openTestDatabase(empty);
    await sql`delete from users`.execute(db);
    await db.destroy();
    const second = await TestServer.start({ database: empty, jobs: false });
    expect([second.apiKey, second.owner?.email]).toEqual([undefined, 'owner@localhost']);
    await sqlOn(empty, sql`delete from users`);
    await expect(second.composition.firstStart(() => Promise.reject(new Error('disk full')))).rejects.toThrow(
      'disk full',
    );
    expect(await sqlOn(empty, sql`select id from users`)).toEqual([]);
    await second.close();
  });
});

async function sqlOn(on: TestDatabase, statement: ReturnType<typeof sql>): Promise<unknown[]> {
  const db = openTestDatabase(on);
  try {
    return (await statement.execute(db)).rows;
  } finally {
    await db.destroy();
  }
}

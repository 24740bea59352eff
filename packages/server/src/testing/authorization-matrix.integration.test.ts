import {
  allRoutes,
  newId,
  roleSchema,
  roleScopes,
  scopeSchema,
  type Role,
  type RouteDefinition,
  type Scope,
} from '@banata/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { Secrets } from '../services/secrets.ts';
import { TestPostgres, type TestDatabase } from './database.ts';
import { sampleRequest, type SampleIds } from './sample-request.ts';
import { TestServer } from './test-server.ts';

interface Reply {
  status: number;
  code: string | undefined;
  text: string;
}

interface Tenant {
  key: string;
  ids: SampleIds;
}

const newKeySchema = z.object({ id: z.string(), key: z.string() });
const scopes = scopeSchema.options;
/** Every path of every route, aliases included. */
const targets = allRoutes.flatMap((route) =>
  [route.path, ...(route.aliases ?? [])].map((path) => ({ route, path })),
);
const guarded = targets.filter(({ route }) => route.auth !== 'none' && route.auth !== 'link');
const scoped = guarded.filter(({ route }) => route.auth !== 'any' && route.auth !== 'user');
/** Those that take an API key. */
const forKeys = guarded.filter(({ route }) => route.auth !== 'user');
const counts: Record<string, number> = {};

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
/** The organization that runs the installation, and another one. */
let operator: Tenant;
let stranger: Tenant;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database });
  const key = server.apiKey ?? '';
  operator = { key, ids: await makeObjects(key) };
  const created = await post('/v1/organizations', key, { name: 'stranger', ownerEmail: 'a@stranger.test' });
  const { apiKey } = z.object({ apiKey: newKeySchema }).parse(created);
  stranger = { key: apiKey.key, ids: await makeObjects(apiKey.key) };
});

afterAll(async () => {
  process.stdout.write(`authorization matrix: ${JSON.stringify(counts)}\n`);
  await server.close();
  await postgres.close();
});

async function post(path: string, key: string, body: unknown): Promise<unknown> {
  const reply = await server.fetch(path, {
    method: 'POST',
    key,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(reply.status, `POST ${path}`).toBeLessThan(300);
  return reply.json();
}

/** One object of each kind that routes take the id of. */
async function makeObjects(key: string): Promise<SampleIds> {
  const idSchema = z.object({ id: z.string() });
  const sandbox = idSchema.parse(await post('/v1/sandboxes', key, {}));
  const browser = idSchema.parse(await post('/v1/browsers', key, {}));
  const apiKey = idSchema.parse(await post('/v1/api-keys', key, { name: 'object' }));
  const { user } = z
    .object({ user: idSchema })
    .parse(await post('/v1/users', key, { email: `${newId()}@objects.test`, role: 'viewer' }));
  const webhook = idSchema.parse(
    await post('/v1/webhooks', key, { url: 'https://example.com/hook', eventTypes: ['sandbox.ended'] }),
  );
  const skill = idSchema.parse(await post('/v1/skills', key, { name: newId(), recipe: 'Open the page' }));
  return {
    skill: skill.id,
    sandbox: sandbox.id,
    browser: browser.id,
    apiKey: apiKey.id,
    user: user.id,
    webhook: webhook.id,
  };
}

async function makeKey(held: Scope[] | undefined, more: { expiresAt?: number } = {}) {
  const name = held === undefined ? 'full' : `${held.length} scopes`;
  return newKeySchema.parse(
    await post('/v1/api-keys', operator.key, { name, ...(held ? { scopes: held } : {}), ...more }),
  );
}

async function send(
  { route, path }: { route: RouteDefinition; path: string },
  key: string | undefined,
  ids: SampleIds,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const sample = sampleRequest(route, ids);
  const reply = await server.fetch(path + sample.search, {
    method: route.method,
    key,
    ...sample.init,
    headers: { ...sample.init.headers, ...headers },
  });
  const stream = reply.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const text = stream ? '' : await reply.text();
  if (stream) await reply.body?.cancel();
  let code: string | undefined;
  try {
    code = z.object({ code: z.string() }).safeParse(JSON.parse(text)).data?.code;
  } catch {
    code = undefined;
  }
  return { status: reply.status, code, text };
}

function label({ route, path }: { route: RouteDefinition; path: string }): string {
  return `${route.method} ${path}`;
}

function count(what: string, number: number): void {
  counts[what] = (counts[what] ?? 0) + number;
}

test('the matrix covers the whole contract', () => {
  expect(targets.length).toBeGreaterThan(50);
  for (const { route } of targets) {
    expect(route.id, 'every route has an owner in the contract').toMatch(/^[a-zA-Z]+(\.[a-zA-Z]+)*$/);
  }
});

test('without a key, or with one that is malformed, unknown, revoked or expired: 401', async () => {
  const revoked = await makeKey(undefined);
  expect((await server.fetch('/v1/sandboxes', { key: revoked.key })).status).toBe(200);
  await server.fetch(`/v1/api-keys?id=${revoked.id}`, { method: 'DELETE', key: operator.key });
  const expired = await makeKey(undefined, { expiresAt: Date.now() + 3_000 });
  await expect
    .poll(async () => (await server.fetch('/v1/sandboxes', { key: expired.key })).status, { timeout: 30_000 })
    .toBe(401);
  const cases = {
    'no key': undefined,
    'malformed key': 'br_live_x',
    'unknown key': `br_live_${newId()}`,
    'revoked key': revoked.key,
    'expired key': expired.key,
  };
  for (const [name, key] of Object.entries(cases)) {
    for (const target of guarded) {
      const reply = await send(target, key, operator.ids);
      expect.soft([reply.status, reply.code], `${label(target)} with ${name}`).toEqual([401, 'UNAUTHORIZED']);
    }
    count(name, guarded.length);
  }
});

test('a key that lacks the scope of the route: 403 naming it; lacking any other: let in', async () => {
  for (const missing of scopes) {
    const { key } = await makeKey(scopes.filter((scope) => scope !== missing));
    for (const target of scoped) {
      const wanted = target.route.auth === missing;
      // Deleting comes last in no particular order, so requests that are let in name objects that do not exist.
      const reply = await send(target, key, nowhere());
      const refused = reply.status === 403 && reply.code === 'PERMISSION_DENIED';
      const about = `${label(target)} without ${missing}: ${reply.status} ${reply.text.slice(0, 200)}`;
      if (wanted) {
        expect.soft(refused, about).toBe(true);
        expect.soft(reply.text, about).toContain(`"requiredScope":"${missing}"`);
      } else {
        expect.soft(reply.status, about).not.toBe(401);
        if (refused) expect.soft(reply.text, about).toContain('full access');
      }
      expect.soft(reply.status, about).not.toBe(500);
      count(wanted ? 'scope of the route missing' : 'another scope missing', 1);
    }
  }
});

test('the scope of the route alone is enough', async () => {
  for (const only of scopes) {
    const { key } = await makeKey([only]);
    for (const target of scoped.filter(({ route }) => route.auth === only)) {
      const reply = await send(target, key, nowhere());
      const about = `${label(target)} with only ${only}: ${reply.status} ${reply.text.slice(0, 200)}`;
      expect.soft(reply.status, about).not.toBe(401);
      // Routes that give scopes away refuse to give more than the key holds.
      if (reply.status === 403) expect.soft(reply.text, about).toContain('full access');
      count('only the scope of the route', 1);
    }
  }
});

test('routes of the operator refuse a key of another organization, whatever it holds', async () => {
  const targetsOfOperator = guarded.filter(({ route }) => route.operator);
  expect(targetsOfOperator.length).toBeGreaterThan(1);
  for (const target of targetsOfOperator) {
    const reply = await send(target, stranger.key, operator.ids);
    expect.soft([reply.status, reply.code], label(target)).toEqual([403, 'PERMISSION_DENIED']);
    count('operator route, other organization', 1);
  }
});

test('a key of a suspended organization is refused on every route but those that tell it why', async () => {
  const made = await post('/v1/organizations', operator.key, { name: 'late', ownerEmail: 'a@late.test' });
  const { organization, apiKey } = z
    .object({ organization: z.object({ id: z.string() }), apiKey: newKeySchema })
    .parse(made);
  await post('/v1/organizations/suspend', operator.key, { id: organization.id, reason: 'late' });
  for (const target of guarded) {
    const reply = await send(target, apiKey.key, operator.ids);
    const about = `${label(target)}: ${reply.status} ${reply.text.slice(0, 200)}`;
    const expected = target.route.whileSuspended ? undefined : 'ORGANIZATION_SUSPENDED';
    if (expected) expect.soft([reply.status, reply.code], about).toEqual([403, expected]);
    else expect.soft(reply.code, about).not.toBe('ORGANIZATION_SUSPENDED');
    count(expected ? 'organization suspended' : 'open while suspended', 1);
  }
});

test('ids of another organization answer 404, and lists hold nothing of it', async () => {
  const secret = Object.values(operator.ids);
  // A WebSocket route looks its object up during the upgrade, which a plain request does not reach.
  const others = forKeys.filter(({ route }) => !route.operator && route.reply.kind !== 'websocket');
  // Lists first: the stranger's own audit log names the ids that the stranger asks for.
  const order = others.toSorted((a, b) => Number(names(a.route)) - Number(names(b.route)));
  for (const target of order) {
    const reply = await send(target, stranger.key, operator.ids);
    const about = `${label(target)}: ${reply.status} ${reply.text.slice(0, 300)}`;
    if (names(target.route)) {
      expect.soft(reply.status, about).toBe(404);
      expect.soft(reply.code, about).toMatch(/_NOT_FOUND$/);
      count('id of another organization', 1);
    } else {
      expect.soft(reply.status, about).not.toBe(500);
      for (const id of secret) expect.soft(reply.text, about).not.toContain(id);
      count('no id, other organization', 1);
    }
  }
});

test('the objects are all still there: nothing of the above changed them', async () => {
  for (const [path, id] of [
    ['/v1/sandboxes', operator.ids.sandbox],
    ['/v1/webhooks', operator.ids.webhook],
  ]) {
    const reply = await server.fetch(`${path}?id=${id}`, { key: operator.key });
    expect([path, reply.status]).toEqual([path, 200]);
  }
  const users = await (await server.fetch('/v1/users', { key: operator.key })).text();
  expect(users).toContain(operator.ids.user);
});

test('the own key reaches the own objects on every route', async () => {
  const order = forKeys.toSorted((a, b) => rank(a.route) - rank(b.route));
  for (const target of order) {
    const reply = await send(target, operator.key, operator.ids);
    const about = `${label(target)}: ${reply.status} ${reply.text.slice(0, 300)}`;
    expect.soft([401, 403, 500], about).not.toContain(reply.status);
    count('own key', 1);
  }
});

test('an API key does not stand for a signed-in user', async () => {
  for (const target of guarded.filter(({ route }) => route.auth === 'user')) {
    const reply = await send(target, operator.key, operator.ids);
    expect.soft([reply.status, reply.code], label(target)).toEqual([403, 'PERMISSION_DENIED']);
    count('key instead of a user', 1);
  }
});

test('a session is let in by its role, and writes only from a page of this server', async () => {
  for (const role of roleSchema.options) {
    const cookie = await signInAs(role);
    const held = roleScopes[role];
    for (const target of guarded.filter(({ route }) => route.id !== 'auth.signOut')) {
      const { auth, operator: ofOperator, method } = target.route;
      const free = auth === 'any' || auth === 'user';
      const allowed =
        (free || held === null || held.includes(auth as Scope)) && (!ofOperator || role === 'owner');
      const about = `${label(target)} as ${role}`;
      const reply = await sendWithCookie(target, { cookie, origin: server.url });
      const refused = reply.status === 403 && reply.code === 'PERMISSION_DENIED';
      expect.soft(refused, `${about}: ${reply.status} ${reply.text.slice(0, 200)}`).toBe(!allowed);
      count(`${role} ${allowed ? 'let in' : 'refused'}`, 1);
      if (method === 'GET') continue;
      for (const origin of [undefined, 'https://evil.test', 'null']) {
        const foreign = await sendWithCookie(target, { cookie, origin });
        expect
          .soft([foreign.status, foreign.code], `${about} from ${origin}`)
          .toEqual([403, 'ORIGIN_REFUSED']);
        count('write with a cookie from elsewhere', 1);
      }
    }
  }
});

async function signInAs(role: Role): Promise<string> {
  const email = `${role}@roles.test`;
  const { invitation } = z
    .object({ invitation: z.object({ token: z.string() }) })
    .parse(await post('/v1/users', operator.key, { email, role }));
  const reply = await server.fetch('/v1/auth/accept-invitation', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: invitation.token, password: `password of ${role}` }),
  });
  expect(reply.status).toBe(200);
  return reply.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

function sendWithCookie(
  target: { route: RouteDefinition; path: string },
  headers: { cookie: string; origin: string | undefined },
): Promise<Reply> {
  const origin = headers.origin === undefined ? {} : { origin: headers.origin };
  return send(target, undefined, nowhere(), { cookie: headers.cookie, ...origin });
}

function names(route: RouteDefinition): boolean {
  return sampleRequest(route, operator.ids).namesObject;
}

test('routes with a signed link take no key, and no link that was not signed here', async () => {
  for (const target of targets.filter(({ route }) => route.auth === 'link')) {
    for (const token of ['', 'x', 'e30.AAAA', `${'a'.repeat(40)}.${'b'.repeat(43)}`]) {
      const { init } = sampleRequest(target.route, operator.ids);
      const { method } = target.route;
      const reply = await server.fetch(`${target.path}?token=${token}`, {
        key: operator.key,
        method,
        ...init,
      });
      expect.soft([400, 401], `${label(target)} token=${token}: ${reply.status}`).toContain(reply.status);
      count('bad link', 1);
    }
  }
});

test('every write of a known caller is in the audit log', async () => {
  const writes = new Set(guarded.filter(({ route }) => route.method !== 'GET').map(({ route }) => route.id));
  for (const route of writes) {
    const reply = await server.fetch(`/v1/audit?limit=1&route=${route}`, { key: operator.key });
    const { data } = z
      .object({ data: z.array(z.looseObject({ route: z.string() })) })
      .parse(await reply.json());
    expect.soft(data, route).toMatchObject([{ route, ip: '127.0.0.1' }]);
    count('write in the audit log', 1);
  }
});

test('a link that has expired, or was signed for another purpose, opens nothing', async () => {
  const secrets = new Secrets(Buffer.from(database.secret, 'hex'));
  const purposes = {
    'sandboxes.preview.view': 'view',
    'artifacts.content': 'artifact',
    'files.content': 'file-read',
  } as const;
  const hour = 3_600_000;
  for (const [routeId, right] of Object.entries(purposes)) {
    const { route, path } = targets.find((target) => target.route.id === routeId) ?? {};
    expect(route?.auth, routeId).toBe('link');
    for (const purpose of ['view', 'cdp', 'artifact'] as const) {
      for (const age of [-hour, hour]) {
        if (purpose === right && age > 0) continue;
        const claims = { sandboxId: operator.ids.sandbox, purpose, key: 'k', expiresAt: Date.now() + age };
        const reply = await server.fetch(`${path}?token=${secrets.signLink(claims)}`);
        const { code } = z.object({ code: z.string() }).parse(await reply.json());
        expect.soft([reply.status, code], `${routeId} ${purpose} ${age}`).toEqual([401, 'LINK_INVALID']);
        count('link expired or for another purpose', 1);
      }
    }
  }
});

/** Ids that no organization has. */
function nowhere(): SampleIds {
  return {
    sandbox: newId(),
    browser: newId(),
    apiKey: newId(),
    user: newId(),
    webhook: newId(),
    skill: newId(),
  };
}

/** Ending and removing come last. */
function rank(route: RouteDefinition): number {
  return route.method === 'DELETE' ? 1 : 0;
}

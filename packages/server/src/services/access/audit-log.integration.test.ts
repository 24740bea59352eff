import type { Scope } from '@banata/protocol';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callApi, type Answer } from '../../testing/call-api.ts';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
let key: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database });
  key = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await postgres.close();
});

type CallOptions = NonNullable<Parameters<typeof callApi>[2]>;

function call(path: string, { on = server, ...options }: CallOptions & { on?: TestServer }): Promise<Answer> {
  return callApi(on, path, options);
}

async function makeKey(scopes?: Scope[], more: object = {}): Promise<{ id: string; key: string }> {
  const { status, body } = await call('/v1/api-keys', { key, body: { name: 'made', scopes, ...more } });
  expect(status).toBe(201);
  return body;
}

describe('audit log', () => {
  test('says who did what with which object and outcome, and never a secret', async () => {
    const made = await makeKey(['sandbox_sessions:read']);
    await call('/v1/sandboxes', { key: made.key, body: {} });
    await call('/v1/sandboxes', { key, body: { env: { TOKEN: 'very-secret-value' } } });
    const { body } = await call(`/v1/audit?limit=3`, { key });
    expect(body.data).toMatchObject([
      {
        route: 'sandboxes.create',
        actor: { kind: 'api_key', name: 'first key' },
        outcome: 'done',
        status: 201,
      },
      {
        route: 'sandboxes.create',
        actor: { id: made.id },
        outcome: 'refused',
        status: 403,
        code: 'PERMISSION_DENIED',
      },
      { route: 'apiKeys.create', objects: { id: made.id, name: 'made', scopes: ['sandbox_sessions:read'] } },
    ]);
    expect(body.data[0]?.objects['id']).toMatch(/^[a-z0-9]{32}$/);
    const all = JSON.stringify((await call('/v1/audit?limit=500', { key })).body);
    for (const secret of [made.key, 'very-secret-value', server.owner?.password ?? 'x', 'password']) {
      expect(all.includes(`"${secret}`), secret).toBe(false);
    }
  });

  test('names the account of a failed sign-in', async () => {
    const { email = '' } = server.owner ?? {};
    await call('/v1/auth/sign-in', { body: { email, password: 'wrong' } });
    const { body } = await call('/v1/audit?limit=1&route=auth.signIn', { key });
    expect(body.data[0]).toMatchObject({
      actor: { kind: 'anonymous' },
      objects: { email },
      outcome: 'refused',
      code: 'SIGN_IN_FAILED',
    });
  });

  test('is read page by page without gaps, and cannot be changed', async () => {
    const pages: string[] = [];
    let cursor = '';
    do {
      const { body } = await call(`/v1/audit?limit=7${cursor && `&cursor=${cursor}`}`, { key });
      pages.push(...body.data.map(({ id }) => id));
      cursor = body.nextCursor ?? '';
    } while (cursor !== '');
    expect(new Set(pages).size).toBe(pages.length);
    const db = openTestDatabase(database);
    try {
      for (const statement of [
        sql`update audit_log set ip = ''`,
        sql`delete from audit_log`,
        sql`truncate audit_log`,
      ])
        await expect(statement.execute(db)).rejects.toThrow('append-only');
    } finally {
      await db.destroy();
    }
  });
});

import { sql, type Kysely } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres } from '../../testing/database.ts';
import * as initial from './0001-initial.ts';
import * as access from './0002-access.ts';

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.close());

/** Migrations take any schema. */
async function openEmpty(): Promise<Kysely<unknown>> {
  return openTestDatabase(await postgres.create({ schema: false })) as unknown as Kysely<unknown>;
}

test('makes the oldest organization the operator’s, of which there can be one only', async () => {
  const db = await openEmpty();
  try {
    await initial.up(db);
    await sql`insert into organizations (id, name, created_at) values ('b', 'second', 2), ('a', 'first', 1)`.execute(
      db,
    );
    await access.up(db);
    const { rows } = await sql`select id from organizations where operator`.execute(db);
    expect(rows).toEqual([{ id: 'a' }]);
    await expect(sql`update organizations set operator = true where id = 'b'`.execute(db)).rejects.toThrow(
      'organizations_operator',
    );
  } finally {
    await db.destroy();
  }
});

test('runs on an empty database', async () => {
  const db = await openEmpty();
  try {
    await initial.up(db);
    await access.up(db);
    expect((await sql`select * from organizations`.execute(db)).rows).toEqual([]);
  } finally {
    await db.destroy();
  }
});

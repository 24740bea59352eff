import { newId } from '@banata/protocol';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres } from '../../testing/database.ts';
import { ServerProcess } from '../../testing/server-process.ts';

const REQUESTS = 40;
/** When the server is killed: before the first answers, and among them. `./banata test --all` takes more. */
const KILLED_AFTER_MS = process.env['BANATA_TEST_ALL'] === '1' ? [10, 30, 60, 120] : [10, 60];
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.close());

async function create(server: ServerProcess, key: string): Promise<{ id: string }> {
  const reply = await fetch(`${server.url}/v1/sandboxes`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: '{}',
    signal: AbortSignal.timeout(30_000),
  });
  if (reply.status !== 201) throw new Error(`creating answered ${reply.status}: ${await reply.text()}`);
  return (await reply.json()) as { id: string };
}

// Side by side: what was left undone is taken up again when its lease has run out, after ten seconds.
test.concurrent.each(KILLED_AFTER_MS)(
  'a server killed %i ms into forty creates makes forty sandboxes, once they are repeated',
  async (afterMs) => {
    const database = await postgres.create();
    await using server = await ServerProcess.start(database, { BANATA_MAX_SANDBOXES: '1000' });
    const keys = Array.from({ length: REQUESTS }, () => newId());
    const before = Promise.allSettled(keys.map((key) => create(server, key)));
    await delay(afterMs);
    await server.kill();
    const answered = (await before).flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value.id] : [],
    );
    await server.restart();
    const ids = await Promise.all(keys.map(async (key) => (await create(server, key)).id));
    expect(new Set(ids).size).toBe(REQUESTS);
    for (const id of answered) expect(ids).toContain(id);
    const db = openTestDatabase(database);
    const rows = await db
      .selectFrom('sandboxes')
      .leftJoin('sandbox_runs', 'sandbox_runs.sandbox_id', 'sandboxes.id')
      .select(['sandboxes.id', 'ready_at', 'started_at'])
      .execute();
    await db.destroy();
    expect(rows.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(rows.map(({ started_at }) => started_at)).toEqual(rows.map(({ ready_at }) => ready_at));
  },
  60_000,
);

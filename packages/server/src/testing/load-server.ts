import { DEFAULT_NETWORK, newId } from '@banata/protocol';
import { parseArgs } from 'node:util';
import { openTestDatabase, TestPostgres, type TestDatabase } from './database.ts';
import { TestServer } from './test-server.ts';

/**
 * A server for load tests of the control plane: a real PostgreSQL and a driver that makes no containers. Prints where
 * it listens as one line of JSON, and ends with SIGTERM. `--rows` puts ended sandboxes into the table first.
 */
const { values } = parseArgs({ options: { rows: { type: 'string', default: '0' } } });

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

const postgres = await TestPostgres.start();
try {
  const database = await postgres.create();
  const server = await TestServer.start({ database });
  await addEnded(database, Number(values.rows));
  process.stdout.write(
    `${JSON.stringify({ url: server.url, apiKey: server.apiKey, databaseUrl: database.url, pid: process.pid })}\n`,
  );
  await new Promise<void>((resolve) =>
    stop.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  await server.close();
} finally {
  await postgres.close();
}
process.exit(0);

async function addEnded(database: TestDatabase, count: number): Promise<void> {
  const db = openTestDatabase(database);
  const { id: organization } = await db.selectFrom('organizations').select('id').executeTakeFirstOrThrow();
  const now = Date.now();
  for (let from = 0; from < count; from += 1_000) {
    const rows = Array.from({ length: Math.min(1_000, count - from) }, (_, index) => {
      const createdAt = now - (from + index) * 60_000;
      return {
        id: newId(),
        organization_id: organization,
        status: 'ended' as const,
        runtime: 'bun' as const,
        size: 'standard' as const,
        isolation: 'container' as const,
        network: JSON.stringify(DEFAULT_NETWORK),
        region: 'loc',
        ephemeral: true,
        metadata: '{}',
        env_sealed: Buffer.alloc(64),
        followed: false,
        created_at: createdAt,
        ready_at: createdAt + 100,
        ended_at: createdAt + 60_000,
        expires_at: createdAt + 3_600_000,
        last_activity_at: createdAt,
        active_until: 0,
        lease_until: 0,
        event_seq: 0,
        box_cursor: 0,
      };
    });
    await db.insertInto('sandboxes').values(rows).execute();
  }
  await db.destroy();
}

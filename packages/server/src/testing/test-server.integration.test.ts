import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestPostgres } from './database.ts';
import { TestServer } from './test-server.ts';

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres.close());

test('two servers on one database see the same sandbox, which becomes ready', async () => {
  const database = await postgres.create();
  const first = await TestServer.start({ database, jobs: false });
  const second = await TestServer.start({ database, jobs: false });
  try {
    expect(second.apiKey).toBeUndefined();
    const created = await first.fetch('/v1/sandboxes', {
      method: 'POST',
      key: first.apiKey,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as { id: string };
    await expect
      .poll(
        async () => {
          const reply = await second.fetch(`/v1/sandboxes?id=${id}`, { key: first.apiKey });
          return ((await reply.json()) as { status: string }).status;
        },
        { timeout: 30_000 },
      )
      .toBe('ready');
  } finally {
    await first.close();
    await second.close();
  }
});

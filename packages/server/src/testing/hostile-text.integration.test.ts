import { allRoutes, newId } from '@banata/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { TestPostgres } from './database.ts';
import { sampleRequest } from './sample-request.ts';
import { TestServer } from './test-server.ts';

let postgres: TestPostgres;
let server: TestServer;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  server = await TestServer.start({ database: await postgres.create() });
});
afterAll(async () => {
  await server.close();
  await postgres.close();
});

/** Texts that break programs which pass them on as they are. */
const hostile = ['a\0b', '\ud800', '𝕏'.repeat(60), "';drop table users;--", '../../etc/passwd'];
/** Cursors that were not given by a server. They stand in queries; in bodies they are texts like others. */
const cursors = [
  Buffer.from('["x"]').toString('base64url'),
  Buffer.from('[1,"\\u0000"]').toString('base64url'),
  Buffer.from('[1e400]').toString('base64url'),
];

function fieldsOf(schema: z.ZodObject | undefined): string[] {
  return schema ? Object.keys(schema.shape) : [];
}

test('no text in any field of any route makes an internal error', async () => {
  const key = server.apiKey ?? '';
  const ids = {
    sandbox: newId(),
    browser: newId(),
    apiKey: newId(),
    user: newId(),
    webhook: newId(),
    skill: newId(),
  };
  let requests = 0;
  for (const route of allRoutes) {
    const sample = sampleRequest(route, ids);
    const body = JSON.parse(sample.init.body ?? '{}') as Record<string, unknown>;
    for (const text of [...hostile, ...cursors]) {
      const inQuery = fieldsOf(route.query).map((field) => {
        const search = new URLSearchParams(sample.search);
        search.set(field, text);
        return { field, search: `?${search.toString()}`, init: sample.init };
      });
      const inBody = (cursors.includes(text) ? [] : fieldsOf(route.body)).map((field) => ({
        field,
        search: sample.search,
        init: { ...sample.init, body: JSON.stringify({ ...body, [field]: text }) },
      }));
      const asks = [...inQuery, ...inBody].map(async ({ field, search, init }) => {
        const reply = await server.fetch(route.path + search, { method: route.method, key, ...init });
        await reply.body?.cancel();
        expect.soft(reply.status, `${route.id} ${field}=${JSON.stringify(text)}`).not.toBe(500);
      });
      requests += asks.length;
      await Promise.all(asks);
    }
  }
  process.stdout.write(`hostile text: ${requests} requests\n`);
  expect(requests).toBeGreaterThan(500);
}, 240_000);

import type { Usage } from '@banata/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../logger.ts';
import { EventStore } from '../../stores/event-store.ts';
import { SandboxStore } from '../../stores/sandbox-store.ts';
import { UsageStore } from '../../stores/usage-store.ts';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { ask, makeOrganization } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';
import { UsageSampler } from './usage-sampler.ts';

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
let operatorKey: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database, jobs: false });
  operatorKey = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await postgres.close();
});

const counters = {
  cpuUs: 2_000_000,
  memoryBytes: 100,
  memoryPeakBytes: 500,
  pids: 3,
  storageBytes: 700,
  egressBytes: 1_000,
  ingressBytes: 2_000,
};

/** A ready sandbox of an organization of its own. */
async function readySandbox(capabilities?: object) {
  const organization = await makeOrganization(server, operatorKey, null);
  const { body } = await ask(server, organization.key, {
    path: '/v1/sandboxes',
    json: { ...(capabilities && { capabilities }) },
  });
  const id = String(body['id']);
  await expect
    .poll(
      async () => (await ask(server, organization.key, { path: `/v1/sandboxes?id=${id}` })).body['status'],
      { timeout: 30_000 },
    )
    .toBe('ready');
  const db = openTestDatabase(database);
  const row = await db.selectFrom('sandboxes').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  await db.destroy();
  return { ...organization, sandboxId: id, boxId: row.box_id ?? '', readyAt: row.ready_at ?? 0 };
}

async function usageOf(key: string, query = ''): Promise<Usage> {
  const { body } = await ask(server, key, { path: `/v1/usage${query}` });
  return body as unknown as Usage;
}

test('a sandbox counts from ready to the end, with what its box used at the very end', async () => {
  const { key, sandboxId, boxId, readyAt } = await readySandbox({ browser: {} });
  server.driver.setUsage(boxId, counters);
  await ask(server, key, { method: 'DELETE', path: `/v1/sandboxes?id=${sandboxId}` });
  const { body } = await ask(server, key, { path: `/v1/sandboxes?id=${sandboxId}` });
  const usage = await usageOf(key);
  expect(usage.total.sandboxSeconds).toBeGreaterThan(0);
  expect(usage.total.sandboxSeconds).toBeLessThanOrEqual((Number(body['endedAt']) - readyAt) / 1000);
  expect(usage.total.browserSeconds).toBe(usage.total.sandboxSeconds);
  expect(usage.total).toMatchObject({
    cpuSeconds: 2,
    memoryPeakBytes: 500,
    egressBytes: 1_000,
    ingressBytes: 2_000,
  });
  expect(usage.sandboxes).toEqual([{ sandboxId, ...usage.total }]);
  const later = await usageOf(key);
  expect(later.total).toEqual(usage.total);
});

test('a disk that fills up is told once, by an event', async () => {
  const { key, sandboxId, boxId } = await readySandbox();
  const db = openTestDatabase(database);
  const sampler = new UsageSampler({
    driver: server.driver,
    store: new SandboxStore(db, new EventStore(db)),
    usageStore: new UsageStore(db),
    logger: createLogger('silent'),
    now: Date.now,
  });
  const row = await db
    .selectFrom('sandboxes')
    .selectAll()
    .where('id', '=', sandboxId)
    .executeTakeFirstOrThrow();
  for (const share of [0.5, 0.99, 1]) {
    const storageBytes = Math.round((row.limits?.diskBytes ?? 0) * share);
    server.driver.setUsage(boxId, { ...counters, storageBytes });
    await sampler.sampleAll();
  }
  await db.destroy();
  const { body } = await ask(server, key, {
    path: `/v1/events?sandboxId=${sandboxId}&type=sandbox.limit.reached`,
  });
  expect(body['data']).toMatchObject([{ data: { limit: 'disk' } }]);
});

test('a run over midnight is split between the days, to the millisecond', async () => {
  const { id, key, sandboxId } = await readySandbox();
  const db = openTestDatabase(database);
  const midnight = Date.UTC(2026, 3, 2);
  await db.deleteFrom('sandbox_runs').where('sandbox_id', '=', sandboxId).execute();
  await db
    .insertInto('sandbox_runs')
    .values([
      {
        sandbox_id: sandboxId,
        started_at: midnight - 1_500,
        ended_at: midnight + 86_400_000 + 250,
        organization_id: id,
        browser: false,
      },
      {
        sandbox_id: sandboxId,
        started_at: midnight + 86_400_000 + 1_250,
        ended_at: midnight + 86_400_000 + 2_250,
        organization_id: id,
        browser: false,
      },
    ])
    .execute();
  await db.destroy();
  const usage = await usageOf(key, '?from=2026-04-01&to=2026-04-30');
  expect(usage.days.map(({ day, sandboxSeconds }) => [day, sandboxSeconds])).toEqual([
    ['2026-04-01', 1.5],
    ['2026-04-02', 86_400],
    ['2026-04-03', 1.25],
  ]);
  expect(usage.total.sandboxSeconds).toBe(86_402.75);
  expect((await usageOf(key, '?from=2026-04-02&to=2026-04-02')).total.sandboxSeconds).toBe(86_400);
});

test('readings that come late, twice or from two servers count once, and a new box adds', async () => {
  const { id, key, sandboxId, boxId } = await readySandbox();
  const db = openTestDatabase(database);
  const store = new UsageStore(db);
  const sample = (cpuUs: number, box = boxId) =>
    store.record({
      sandboxId,
      organizationId: id,
      boxId: box,
      sampledAt: Date.now(),
      usage: { ...counters, cpuUs },
    });
  await sample(1_000_000);
  await Promise.all([sample(3_000_000), sample(3_000_000), sample(2_000_000)]);
  await sample(1_500_000);
  expect((await usageOf(key)).total).toMatchObject({ cpuSeconds: 3, egressBytes: 1_000 });
  await sample(4_000_000, 'b'.repeat(32));
  await db.destroy();
  expect((await usageOf(key)).total).toMatchObject({ cpuSeconds: 7, egressBytes: 2_000 });
});

test('live metrics of a sandbox; another organization’s sandbox is not found', async () => {
  const { key, sandboxId, boxId } = await readySandbox();
  server.driver.setUsage(boxId, counters);
  const { body } = await ask(server, key, { path: `/v1/sandboxes/metrics?id=${sandboxId}` });
  expect(body).toMatchObject({
    id: sandboxId,
    cpu: { usedSeconds: 2, cores: 0, limitCores: 2 },
    memory: { bytes: 100, peakBytes: 500 },
    processes: { count: 3, limit: 1024 },
    network: { egressBytes: 1_000, ingressBytes: 2_000 },
  });
  const other = await makeOrganization(server, operatorKey, null);
  for (const path of ['/v1/sandboxes/metrics', '/v1/usage']) {
    const reply = await ask(server, other.key, { path: `${path}?id=${sandboxId}` });
    expect(reply.status).toBe(404);
  }
});

test('Prometheus reads metrics from this machine, but not through a proxy', async () => {
  const reply = await server.fetch('/metrics');
  const text = await reply.text();
  expect(text).toContain('banata_http_requests_total{route="sandboxes.create",status="201"}');
  expect(text).toMatch(/banata_sandboxes\{status="ready"\} \d+/);
  const proxied = await server.fetch('/metrics', { headers: { 'x-forwarded-for': '203.0.113.7' } });
  expect(proxied.status).toBe(403);
});

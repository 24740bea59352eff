import { newId } from '@banata/protocol';
import type { Insertable } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../database/connect.ts';
import type { AgentTasksTable } from '../../database/tables/agent.ts';
import { EventStore } from '../../stores/event-store.ts';
import { ModelUsageStore } from '../../stores/model-usage-store.ts';
import { TaskSpendingStore } from '../../stores/task-spending-store.ts';
import { TaskStore } from '../../stores/task-store.ts';
import { openTestDatabase, TestPostgres } from '../../testing/database.ts';
import { seedOrganization, seedSandbox } from '../../testing/seed.ts';
import type { ModelUsage } from './gateway.ts';
import { ModelAccounts } from './model-accounts.ts';
import { PriceTable } from './price-table.ts';

let postgres: TestPostgres;
let db: Database;
let organization: string;
let usage: ModelUsageStore;
let accounts: ModelAccounts;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  db = openTestDatabase(await postgres.create());
  organization = await seedOrganization(db);
  usage = new ModelUsageStore(db);
  accounts = new ModelAccounts({
    usage,
    spending: new TaskSpendingStore(db),
    tasks: new TaskStore(db, new EventStore(db)),
    prices: new PriceTable({ 'acme/main-1': { input: 10, output: 100 } }),
  });
});
afterAll(async () => {
  await db.destroy();
  await postgres.close();
});

/** A sandbox with one task for each description. */
async function makeTasks(...tasks: (Partial<Insertable<AgentTasksTable>> & { budget?: string })[]) {
  const sandbox = await seedSandbox(db, organization);
  const ids: string[] = [];
  for (const more of tasks) {
    const id = newId();
    await db
      .insertInto('agent_tasks')
      .values({
        id,
        organization_id: organization,
        sandbox_id: sandbox,
        status: 'running',
        prompt: 'prompt',
        session_id: `ses_${id}`,
        metadata: '{}',
        no_reply: false,
        files: '[]',
        timeout_ms: 1000,
        cancel_requested: false,
        usage: '{}',
        created_at: 1,
        started_at: 1,
        ...more,
      })
      .execute();
    ids.push(id);
  }
  return { sandbox, ids };
}

function rowOf(id: string | undefined) {
  return db
    .selectFrom('agent_tasks')
    .selectAll()
    .where('id', '=', id ?? '')
    .executeTakeFirstOrThrow();
}

function answered(more: Partial<ModelUsage> = {}): ModelUsage {
  return {
    provider: 'openai',
    operation: 'chat/completions',
    requestedModel: 'acme/main-1',
    sessions: [],
    taskIds: null,
    isDemo: false,
    isEstimate: false,
    status: 200,
    outcome: 'completed',
    durationMs: 500,
    model: 'acme/main-1-2026',
    inputTokens: 1000,
    outputTokens: 100,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costUsd: null,
    ...more,
  };
}

const call = { sessions: [], underWay: 1 };

test('as many requests as the budget allows are let through, however many come at once', async () => {
  const { sandbox, ids } = await makeTasks({ budget: '{"requests":5}' });
  const calls = Array.from({ length: 30 }, () => accounts.admit(sandbox, call));
  const outcomes = await Promise.allSettled(calls);
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(outcomes.length - refused.length).toBe(5);
  for (const { reason } of refused) expect(reason).toMatchObject({ status: 402 });
  expect(await rowOf(ids[0])).toMatchObject({
    spent_requests: 5,
    cancel_requested: true,
    stop_error: { code: 'BUDGET_EXCEEDED', message: expect.stringContaining('5 model requests') as string },
  });
});

test('tokens and dollars count once they are known, and the next call is refused', async () => {
  const { sandbox, ids } = await makeTasks({ budget: '{"costUsd":0.03}' });
  for (let round = 0; round < 2; round += 1) {
    const taskIds = await accounts.admit(sandbox, call);
    expect(taskIds).toEqual(ids);
    await accounts.record(sandbox, answered({ taskIds }));
  }
  expect(await rowOf(ids[0])).toMatchObject({
    spent_requests: 2,
    spent_tokens: 2200,
    spent_cost_usd: expect.closeTo(0.04) as number,
    spent_by_model: { 'acme/main-1': expect.closeTo(0.04) as number },
  });
  await expect(accounts.admit(sandbox, call)).rejects.toThrow(/^BUDGET_EXCEEDED: .*\$0\.04/);
});

test('a cost that nobody knows ends a task with a budget in dollars', async () => {
  const { sandbox } = await makeTasks({ budget: '{"costUsd":1}' });
  const taskIds = await accounts.admit(sandbox, call);
  await accounts.record(sandbox, answered({ taskIds, requestedModel: 'acme/unknown', model: null }));
  await expect(accounts.admit(sandbox, call)).rejects.toThrow(/^COST_UNKNOWN: .*BANATA_MODEL_PRICES_FILE/);
});

test('a call of no session counts on all that run; one of a session on its task', async () => {
  const { sandbox, ids } = await makeTasks({ budget: '{"requests":9}' }, { budget: '{"requests":9}' }, {});
  await accounts.admit(sandbox, call);
  await accounts.admit(sandbox, { ...call, sessions: [`ses_${ids[1]}`] });
  const spent = await Promise.all(ids.map(async (id) => (await rowOf(id)).spent_requests));
  expect(spent).toEqual([1, 2, 1]);
});

test('what a task leaves running has what is left of its budget', async () => {
  const { sandbox } = await makeTasks({ budget: '{"requests":1}', status: 'completed', finished_at: 2 });
  await accounts.admit(sandbox, call);
  await expect(accounts.admit(sandbox, call)).rejects.toMatchObject({ status: 402 });
});

test('few calls at a time where their figures come late', async () => {
  const { sandbox, ids } = await makeTasks({ budget: '{"tokens":1000}' });
  await accounts.admit(sandbox, { ...call, underWay: 4 });
  await expect(accounts.admit(sandbox, { ...call, underWay: 5 })).rejects.toMatchObject({ status: 429 });
  expect((await rowOf(ids[0])).spent_requests).toBe(1);
});

test('a session that its row does not name yet is waited for', async () => {
  const { sandbox, ids } = await makeTasks(
    { budget: '{"requests":9}' },
    { budget: '{"requests":9}', status: 'queued', session_id: null, started_at: null },
  );
  const admitted = accounts.admit(sandbox, { ...call, sessions: ['ses_new'] });
  await db
    .updateTable('agent_tasks')
    .set({ session_id: 'ses_new', status: 'running' })
    .where('id', '=', ids[1] ?? '')
    .execute();
  expect(await admitted).toEqual([ids[1]]);
});

test('without a budget a call is entered all the same, and its cost with the organization', async () => {
  const before = await usage.today(organization);
  const { sandbox, ids } = await makeTasks({});
  expect(await accounts.admit(sandbox, call)).toBeNull();
  await accounts.record(sandbox, answered({ sessions: [`ses_${ids[0]}`], costUsd: 0.5 }));
  await accounts.record(sandbox, answered({ status: 500, inputTokens: null, outputTokens: null }));
  expect(await rowOf(ids[0])).toMatchObject({ spent_requests: 2, spent_tokens: 1100, spent_cost_usd: 0.5 });
  const after = await usage.today(organization);
  expect(after.costUsd - before.costUsd).toBeCloseTo(0.5);
  expect(after.seconds - before.seconds).toBeCloseTo(1);
  expect(after.requests - before.requests).toBe(2);
});

test('a model server that names another model in each answer fills no row', async () => {
  const { sandbox, ids } = await makeTasks({});
  for (let round = 0; round < 25; round += 1) {
    const requestedModel = `acme/${round}\u0000`;
    await accounts.record(sandbox, answered({ requestedModel, costUsd: 1 }));
  }
  const { spent_by_model: byModel, spent_cost_usd: cost } = await rowOf(ids[0]);
  expect(Object.keys(byModel)).toHaveLength(20);
  expect(cost).toBe(25);
});

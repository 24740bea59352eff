import { newId } from '@banata/protocol';
import type { BoxTask } from '@banata/protocol/box';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Database } from '../database/connect.ts';
import type { TaskRow } from '../database/tables/agent.ts';
import { BoxEventApplier } from '../jobs/box-event-applier.ts';
import { createLogger } from '../logger.ts';
import { step } from '../services/handoff/handoff.ts';
import { openTestDatabase, TestPostgres } from '../testing/database.ts';
import { seedOrganization, seedSandbox } from '../testing/seed.ts';
import { noTracing } from '../tracing/tracing.ts';
import { ControlStore } from './control-store.ts';
import { EventStore } from './event-store.ts';
import { HandoffStore, type NewHandoff } from './handoff-store.ts';
import { SandboxStore } from './sandbox-store.ts';
import { TaskStore } from './task-store.ts';

const USAGE = { inputTokens: 0, outputTokens: 0, costUsd: 0, modelCalls: 1, byModel: {} };

let postgres: TestPostgres;
let db: Database & AsyncDisposable;
let tasks: TaskStore;
let handoffs: HandoffStore;
let applier: BoxEventApplier;
let sandboxId: string;
let organizationId: string;
let clock: number;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  db = openTestDatabase(await postgres.create());
  const events = new EventStore(db);
  tasks = new TaskStore(db, events);
  handoffs = new HandoffStore(db, events, new ControlStore(db, events));
  applier = new BoxEventApplier({
    sandboxes: new SandboxStore(db, events),
    tasks,
    events,
    handoffs,
    tracing: noTracing,
    onHandoff: () => Promise.resolve(),
    logger: createLogger('silent'),
    now: () => clock,
    // What keeps files is not asked by the ends of tasks.
  } as unknown as ConstructorParameters<typeof BoxEventApplier>[0]);
});
afterAll(async () => {
  await db?.[Symbol.asyncDispose]();
  await postgres?.close();
});
beforeEach(async () => {
  clock = 1_000;
  organizationId = await seedOrganization(db);
  sandboxId = await seedSandbox(db, organizationId);
  const capabilities = JSON.stringify({ agent: { enabled: true } });
  await db
    .updateTable('sandboxes')
    .set({ status: 'active', capabilities })
    .where('id', '=', sandboxId)
    .execute();
});

async function addTask(): Promise<string> {
  const id = newId();
  await tasks.insert(
    {
      id,
      organization_id: organizationId,
      sandbox_id: sandboxId,
      status: 'queued',
      prompt: 'work',
      agent: null,
      session_id: null,
      metadata: '{}',
      system: null,
      no_reply: false,
      model: null,
      files: '[]',
      response_schema: null,
      structured: null,
      timeout_ms: 60_000,
      cancel_requested: false,
      result_text: null,
      error: null,
      usage: JSON.stringify(USAGE),
      created_at: clock,
      started_at: null,
      finished_at: null,
    },
    () => ({ type: 'sandbox.active', data: {} }),
  );
  await tell(id, { status: 'running', startedAt: clock });
  return id;
}

function tell(taskId: string, change: Partial<BoxTask>): Promise<void> {
  return applier.applyTask(sandboxId, {
    taskId,
    status: 'completed',
    sessionId: `session of ${taskId}`,
    resultText: 'ended',
    structured: null,
    filesChanged: [],
    replay: null,
    error: null,
    heldBack: false,
    usage: USAGE,
    startedAt: 1_000,
    finishedAt: clock,
    ...change,
  });
}

const request = (taskId: string | null, message = 'Help'): NewHandoff => ({
  reason: 'mfa',
  message,
  requestedBy: taskId === null ? 'sdk' : 'agent',
  resumePrompt: null,
  expiresAt: clock + 1_000,
  taskId,
  fields: null,
  deliver: null,
  detected: null,
});
const ask = (taskId: string | null, message?: string): Promise<void> =>
  tasks.transaction(sandboxId, (tx) =>
    handoffs.insertFromBox(tx, sandboxId, { ...request(taskId, message), id: newId() }, clock),
  );
async function finishRequest(): Promise<void> {
  await handoffs.change(
    sandboxId,
    (state) => {
      const accept = { kind: 'accept', controller: 'ada', holder: null, leaseMs: 100 } as const;
      const accepted = step(state, accept, clock);
      const last = accepted.at(-1) ?? state;
      return [...accepted, ...step(last, { kind: 'complete', person: null, note: null }, clock)];
    },
    { now: clock },
  );
}
const status = async (id: string) => (await tasks.find(sandboxId, id))?.status;
/** Tasks that go on for another. */
async function goingOn(id: string): Promise<TaskRow[]> {
  const rows = await tasks.listOpen(sandboxId);
  return rows.filter((row) => row.continues_task_id === id);
}

test('all that one request kept from the browser go on after it, once each', async () => {
  const held = [await addTask(), await addTask()];
  const free = await addTask();
  await handoffs.insert(sandboxId, request(null), clock);
  for (const id of held) await tell(id, { heldBack: true });
  await tell(free, {});
  expect(await Promise.all([...held, free].map(status))).toEqual([
    'waiting_for_human',
    'waiting_for_human',
    'completed',
  ]);
  clock += 10;
  await finishRequest();
  for (const id of held) {
    const [next, ...more] = await goingOn(id);
    expect(more).toEqual([]);
    expect(next).toMatchObject({ status: 'queued', session_id: `session of ${id}` });
    expect(next?.prompt).toContain('has given control back');
    await tell(next?.id ?? '', { resultText: 'went on' });
    expect(await tasks.find(sandboxId, id)).toMatchObject({ status: 'completed', result_text: 'went on' });
  }
});

test('a person who is done before the refused turn has ended is not missed', async () => {
  const id = await addTask();
  clock += 10;
  await handoffs.insert(sandboxId, request(null), clock);
  await finishRequest();
  clock += 10;
  await tell(id, { heldBack: true });
  expect(await status(id)).toBe('waiting_for_human');
  const [next] = await goingOn(id);
  // Whatever its box says, a follow-up has none of its own for a request that is over.
  await tell(next?.id ?? '', { heldBack: true, startedAt: 0 });
  expect(await tasks.listOpen(sandboxId)).toEqual([]);
  expect(await status(id)).toBe('completed');
});

test('what a person did before a task began does not concern it', async () => {
  await handoffs.insert(sandboxId, request(null), clock);
  await finishRequest();
  clock += 10;
  const id = await addTask();
  await tell(id, { heldBack: true });
  expect(await status(id)).toBe('completed');
});

test('requests of agents come one after the other, in order, each with its whole time', async () => {
  const [one, two, three] = [await addTask(), await addTask(), await addTask()];
  for (const id of [one, two, three]) await ask(id, id);
  // Twice the same.
  await ask(one, 'again');
  for (const id of [one, two, three]) await tell(id, {});
  expect(await handoffs.openNext(sandboxId, clock)).toBeUndefined();
  clock += 100;
  await finishRequest();
  // The agent goes on first.
  expect(await handoffs.openNext(sandboxId, clock)).toBeUndefined();
  const [next] = await goingOn(one);
  await tell(next?.id ?? '', {});
  await tasks.requestCancel({ id: two, sandbox_id: sandboxId });
  await db.updateTable('agent_tasks').set({ finished_at: clock }).where('id', '=', two).execute();
  clock += 5_000;
  // The second has ended otherwise meanwhile.
  expect(await handoffs.openNext(sandboxId, clock)).toBeUndefined();
  const opened = await handoffs.openNext(sandboxId, clock);
  expect(opened?.row).toMatchObject({ message: three, task_id: three, expires_at: clock + 1_000 });
  expect(await handoffs.openNext(sandboxId, clock)).toBeUndefined();
  const { rows } = await handoffs.list(sandboxId, { limit: 10 });
  expect(rows.map((row) => [row.message, row.status])).toEqual([
    [three, 'pending'],
    [two, 'cancelled'],
    ['again', 'cancelled'],
    [one, 'completed'],
  ]);
});

test('a box that asks over and over fills no queue', async () => {
  await ask(await addTask());
  for (let count = 0; count < 30; count += 1) await ask(newId());
  const queued = await db
    .selectFrom('handoff_queue')
    .select('id')
    .where('sandbox_id', '=', sandboxId)
    .execute();
  expect(queued).toHaveLength(20);
});

import { normalizeCapabilities, DEFAULT_TASK_TIMEOUT_MS } from '@banata/protocol';
import type { HandoffRow, TaskRow } from '../database/tables/agent.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import { toTask } from '../services/agent/task-view.ts';
import { budgetLeft } from '../services/models/charge-to.ts';
import { followUpPrompt, followUpTaskId } from '../services/handoff/follow-up.ts';
import { OPEN_HANDOFF } from '../services/handoff/handoff.ts';
import { takesWork } from '../services/sandboxes/status.ts';
import type { NewEvent, Tx } from './event-store.ts';
import { storableJson } from './text.ts';

const NO_USAGE = { inputTokens: 0, outputTokens: 0, costUsd: 0, modelCalls: 0, byModel: {} };

/** Whether the agent goes on: as is usual, in any case not, or where it can. */
export type FollowUpChoice = 'default' | 'no' | 'yes';

const finalEvents = {
  completed: 'sandbox.agent.task.completed',
  failed: 'sandbox.agent.task.failed',
  cancelled: 'sandbox.agent.task.cancelled',
} as const;

/**
 * What the end of a request does to tasks: the agent goes on with a task of its own in the same session, whose end ends
 * the one that waits; where it does not go on, those that wait end as they were.
 * @returns the task with which it goes on, the asking one's where several waited.
 */
export async function followUp(
  tx: Tx,
  end: { sandbox: SandboxRow; row: HandoffRow; choice: FollowUpChoice; now: number },
): Promise<{ taskId: string | null; events: NewEvent[] }> {
  const { sandbox, row, choice, now } = end;
  const { status } = row;
  if (status === 'pending' || status === 'accepted' || !takesWork(sandbox.status))
    return { taskId: null, events: [] };
  const waiting = await findWaiting(tx, row);
  const hasReason = waiting.length > 0 || (status === 'completed' && row.resume_prompt !== null);
  const goesOn = choice !== 'no' && hasReason && normalizeCapabilities(sandbox.capabilities).agent.enabled;
  const events: NewEvent[] = [];
  if (!goesOn) {
    const parked = waiting.filter((task) => task.status === 'waiting_for_human');
    for (const task of parked) events.push(...(await finish(tx, task, { status: 'completed' }, now)));
    return { taskId: null, events };
  }
  if (waiting.length === 0) return queue(tx, { row, end: status, waiting: undefined, now });
  const ids: string[] = [];
  for (const task of waiting) {
    const queued = await queue(tx, { row, end: status, waiting: task, now });
    ids.push(queued.taskId);
    events.push(...queued.events);
  }
  return { taskId: ids[0] ?? null, events };
}

/** The tasks that wait for a request: the one that asked, then those it kept from the browser. */
async function findWaiting(tx: Tx, row: HandoffRow): Promise<TaskRow[]> {
  const tasks = await tx
    .selectFrom('agent_tasks')
    .selectAll()
    .where('sandbox_id', '=', row.sandbox_id)
    .where('finished_at', 'is', null)
    .where((eb) => eb.or([eb('id', '=', row.task_id ?? ''), eb('held_back_by', '=', row.id)]))
    .orderBy('ordinal')
    .execute();
  return tasks.sort((a, b) => Number(b.id === row.task_id) - Number(a.id === row.task_id));
}

async function queue(
  tx: Tx,
  wanted: {
    row: HandoffRow;
    end: 'completed' | 'cancelled' | 'expired';
    waiting: TaskRow | undefined;
    now: number;
  },
): Promise<{ taskId: string; events: NewEvent[] }> {
  const { row, end, waiting, now } = wanted;
  const context = waiting ?? (await lastTask(tx, row.sandbox_id));
  const heldBack = waiting !== undefined && waiting.id !== row.task_id;
  const id = followUpTaskId(heldBack ? `${row.id}:${waiting.id}` : row.id);
  const task = await tx
    .insertInto('agent_tasks')
    .values({
      id,
      organization_id: row.organization_id,
      sandbox_id: row.sandbox_id,
      status: 'queued',
      prompt: followUpPrompt(row, end, heldBack ? 'held_back' : 'asked'),
      ...contextOf(context),
      files: storableJson([]),
      ...continuing(waiting),
      metadata: storableJson({ ...waiting?.metadata, handoffRequestId: row.id }),
      no_reply: false,
      cancel_requested: false,
      usage: JSON.stringify(NO_USAGE),
      created_at: now,
      handoff_id: row.id,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returningAll()
    .executeTakeFirst();
  return { taskId: id, events: task ? [{ type: 'sandbox.agent.task.queued', data: toTask(task) }] : [] };
}

/** Where the agent goes on. */
function contextOf(task: TaskRow | undefined) {
  const { agent = null, session_id = null, model = null } = task ?? {};
  return { agent, session_id, model };
}

/** What a task takes over from the one that waits for it. */
function continuing(waiting: TaskRow | undefined) {
  const {
    system = null,
    timeout_ms = DEFAULT_TASK_TIMEOUT_MS,
    response_schema = null,
    id = null,
  } = waiting ?? {};
  return {
    system,
    budget: waiting?.budget ? JSON.stringify(budgetLeft(waiting, waiting.budget)) : null,
    timeout_ms,
    response_schema: response_schema === null ? null : storableJson(response_schema),
    continues_task_id: id,
  };
}

/** Whether a task whose turn has ended waits for a person, or for the agent to go on after one. */
export async function waitsForHandoff(tx: Tx, sandboxId: string, taskId: string): Promise<boolean> {
  const asked = await tx
    .selectFrom('handoffs')
    .select('id')
    .where('sandbox_id', '=', sandboxId)
    .where('task_id', '=', taskId)
    .where('status', 'in', OPEN_HANDOFF)
    .unionAll(
      tx
        .selectFrom('handoff_queue')
        .select('id')
        .where('sandbox_id', '=', sandboxId)
        .where('task_id', '=', taskId),
    )
    .unionAll(
      tx
        .selectFrom('agent_tasks')
        .select('id')
        .where('sandbox_id', '=', sandboxId)
        .where('continues_task_id', '=', taskId)
        .where('finished_at', 'is', null),
    )
    .limit(1)
    .executeTakeFirst();
  return asked !== undefined;
}

/**
 * Has a task whose turn ended since the browser was a person's wait for that person. One whose person was done while it
 * ended is gone on with at once. @returns undefined when it waits for nobody, else the events of its follow-up.
 */
export async function holdBack(tx: Tx, task: TaskRow, now: number): Promise<NewEvent[] | undefined> {
  const row = await tx
    .selectFrom('handoffs')
    .selectAll()
    .where('sandbox_id', '=', task.sandbox_id)
    .where((eb) =>
      eb.or([
        eb('status', 'in', OPEN_HANDOFF),
        // By this server's clock, too: the box tells when the task began.
        eb.and([
          eb('updated_at', '>=', task.started_at ?? task.created_at),
          eb('updated_at', '>', task.created_at),
        ]),
      ]),
    )
    .orderBy('ordinal', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) return undefined;
  await tx.updateTable('agent_tasks').set({ held_back_by: row.id }).where('id', '=', task.id).execute();
  if (row.status === 'pending' || row.status === 'accepted') return [];
  return (await queue(tx, { row, end: row.status, waiting: task, now })).events;
}

/** Ends the tasks that waited for one that has ended, with what came of it. @returns their events, and the rows. */
export async function finishWaiting(
  tx: Tx,
  ended: TaskRow,
  now: number,
): Promise<{ events: NewEvent[]; rows: TaskRow[] }> {
  const events: NewEvent[] = [];
  const rows: TaskRow[] = [];
  let child = ended;
  // Each handoff adds one link, so a chain is as long as there were handoffs in one piece of work.
  while (child.continues_task_id !== null) {
    const parent = await findOpenTask(tx, ended.sandbox_id, child.continues_task_id);
    if (parent?.status !== 'waiting_for_human') break;
    events.push(...(await finish(tx, parent, ended, now)));
    rows.push(parent);
    child = parent;
  }
  return { events, rows };
}

/** Cancels a task that waits, and has the one that goes on for it cancelled. @returns the events. */
export async function closeForTask(
  tx: Tx,
  sandboxId: string,
  taskId: string,
  now: number,
): Promise<NewEvent[]> {
  const task = await findOpenTask(tx, sandboxId, taskId);
  if (task?.status !== 'waiting_for_human') return [];
  await tx
    .updateTable('agent_tasks')
    .set({ cancel_requested: true })
    .where('sandbox_id', '=', sandboxId)
    .where('continues_task_id', '=', taskId)
    .where('finished_at', 'is', null)
    .execute();
  const cancelled = { ...task, status: 'cancelled' as const };
  const { events } = await finishWaiting(tx, cancelled, now);
  return [...(await finish(tx, task, { status: 'cancelled' }, now)), ...events];
}

async function finish(
  tx: Tx,
  task: TaskRow,
  outcome: { status: TaskRow['status'] } & Partial<TaskRow>,
  now: number,
): Promise<NewEvent[]> {
  const { status, result_text, structured, files_changed, error } = outcome;
  if (status !== 'completed' && status !== 'failed' && status !== 'cancelled') return [];
  const files = [...new Set([...task.files_changed, ...(files_changed ?? [])])].sort().slice(0, 200);
  const row = await tx
    .updateTable('agent_tasks')
    .set({
      status,
      finished_at: now,
      files_changed: storableJson(files),
      ...(result_text === undefined ? {} : { result_text }),
      ...(structured === undefined
        ? {}
        : { structured: structured === null ? null : storableJson(structured) }),
      ...(error === undefined ? {} : { error: error === null ? null : storableJson(error) }),
    })
    .where('id', '=', task.id)
    .where('finished_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  return row ? [{ type: finalEvents[status], data: toTask(row) }] : [];
}

/** Whether a task has not ended. */
export async function waitsStill(tx: Tx, sandboxId: string, taskId: string): Promise<boolean> {
  return (await findOpenTask(tx, sandboxId, taskId)) !== undefined;
}

function findOpenTask(tx: Tx, sandboxId: string, taskId: string): Promise<TaskRow | undefined> {
  return tx
    .selectFrom('agent_tasks')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', taskId)
    .where('finished_at', 'is', null)
    .executeTakeFirst();
}

function lastTask(tx: Tx, sandboxId: string): Promise<TaskRow | undefined> {
  return tx
    .selectFrom('agent_tasks')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('session_id', 'is not', null)
    .orderBy('ordinal', 'desc')
    .limit(1)
    .executeTakeFirst();
}

import { sql } from 'kysely';
import type { Tx } from './event-store.ts';
import type { NewHandoff } from './handoff-store.ts';
import { storableJson } from './text.ts';

/** A request of an agent that waits until the one before it is over. */
export type QueuedHandoff = NewHandoff & { id: string };

/** A box that asks over and over is not listened to beyond this. */
const MAX_QUEUED = 20;

/** Puts a request behind the open one. @returns false where too many wait. */
export async function enqueue(
  tx: Tx,
  sandboxId: string,
  wanted: QueuedHandoff,
  now: number,
): Promise<boolean> {
  const waiting = await tx
    .selectFrom('handoff_queue')
    .select(['id', 'task_id'])
    .where('sandbox_id', '=', sandboxId)
    .execute();
  if (waiting.some(({ id }) => id === wanted.id)) return true;
  if (waiting.length >= MAX_QUEUED) return false;
  const { id, taskId, ...rest } = wanted;
  await tx
    .insertInto('handoff_queue')
    .values({
      id,
      sandbox_id: sandboxId,
      task_id: taskId,
      wanted: storableJson(rest),
      created_at: now,
    })
    .execute();
  return true;
}

/** Takes the oldest request that waits; the time in which a person is to come begins now. */
export async function dequeue(tx: Tx, sandboxId: string, now: number): Promise<QueuedHandoff | undefined> {
  const [row] = await remove(
    tx,
    sandboxId,
    sql<boolean>`ordinal = (
    select min(ordinal) from handoff_queue where sandbox_id = ${sandboxId})`,
  );
  if (!row) return undefined;
  const wanted = row.wanted as Omit<NewHandoff, 'taskId'>;
  return { ...wanted, id: row.id, taskId: row.task_id, expiresAt: now + (wanted.expiresAt - row.created_at) };
}

/** Takes the requests of a task back. */
export async function dequeueOfTask(tx: Tx, sandboxId: string, taskId: string): Promise<QueuedHandoff[]> {
  const rows = await remove(tx, sandboxId, sql<boolean>`task_id = ${taskId}`);
  return rows.map((row) => ({
    ...(row.wanted as Omit<NewHandoff, 'taskId'>),
    id: row.id,
    taskId: row.task_id,
  }));
}

function remove(tx: Tx, sandboxId: string, which: ReturnType<typeof sql<boolean>>) {
  return tx
    .deleteFrom('handoff_queue')
    .where('sandbox_id', '=', sandboxId)
    .where(which)
    .returningAll()
    .execute();
}

/** Whether a follow-up of an earlier request is at work: what waits would take the browser from it. */
export async function hasFollowUpAtWork(tx: Tx, sandboxId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('agent_tasks')
    .select('id')
    .where('sandbox_id', '=', sandboxId)
    .where('handoff_id', 'is not', null)
    .where('status', 'in', ['queued', 'running'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

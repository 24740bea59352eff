import { newId, type TaskStatus } from '@banata/protocol';
import type { TaskReport } from '@banata/protocol/box';
import { sql, type Insertable, type Updateable } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { AgentTasksTable, TaskRow } from '../database/tables/agent.ts';
import { byOrdinal, decodeCursor, toPage, type Page } from './cursor.ts';
import type { EventStore, NewEvent, Tx } from './event-store.ts';
import { storableJson } from './text.ts';

/** Channel on which servers tell each other that a sandbox has tasks to look at; the payload is the sandbox's id. */
export const TASKS_CHANNEL = 'banata_tasks';

async function notifyTasks(tx: Tx, sandboxId: string): Promise<void> {
  await sql`select pg_notify(${TASKS_CHANNEL}, ${sandboxId})`.execute(tx);
}

/** Tasks of agents. A task whose `finished_at` is set never changes again. */
export class TaskStore {
  readonly #db: Database;
  readonly #events: EventStore;

  constructor(db: Database, events: EventStore) {
    this.#db = db;
    this.#events = events;
  }

  insert(
    task: Omit<Insertable<AgentTasksTable>, 'id'> & { id?: string },
    event: (row: TaskRow) => NewEvent,
  ): Promise<TaskRow> {
    return this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .insertInto('agent_tasks')
        .values({ ...task, id: task.id ?? newId() })
        .returningAll()
        .executeTakeFirstOrThrow();
      await this.#events.append(tx, task.sandbox_id, [event(row)], row.created_at);
      await notifyTasks(tx, task.sandbox_id);
      return row;
    });
  }

  find(sandboxId: string, taskId: string): Promise<TaskRow | undefined> {
    return this.#db
      .selectFrom('agent_tasks')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('id', '=', taskId)
      .executeTakeFirst();
  }

  async list(
    sandboxId: string,
    options: { status?: TaskStatus | undefined; limit: number; cursor?: string | undefined },
  ): Promise<Page<TaskRow>> {
    let query = this.#db
      .selectFrom('agent_tasks')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .orderBy('ordinal', 'desc')
      .limit(options.limit + 1);
    if (options.status !== undefined) query = query.where('status', '=', options.status);
    if (options.cursor !== undefined)
      query = query.where('ordinal', '<', decodeCursor(options.cursor, 'number')[0]);
    return toPage(await query.execute(), options.limit, byOrdinal);
  }

  async hasSession(sandboxId: string, sessionId: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('agent_tasks')
      .select('id')
      .where('sandbox_id', '=', sandboxId)
      .where('session_id', '=', sessionId)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Tasks that have not finished, in the order they came. */
  listOpen(sandboxId: string): Promise<TaskRow[]> {
    return this.#db
      .selectFrom('agent_tasks')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('finished_at', 'is', null)
      .orderBy('ordinal')
      .execute();
  }

  /** Ids of the sandboxes that have tasks which have not finished. */
  async sandboxesWithOpenTasks(): Promise<Set<string>> {
    const rows = await this.#db
      .selectFrom('agent_tasks')
      .select('sandbox_id')
      .distinct()
      .where('finished_at', 'is', null)
      .execute();
    return new Set(rows.map((row) => row.sandbox_id));
  }

  /** Changes a task that has not finished; the row lock makes a final state final. */
  updateOpen(
    tx: Tx,
    sandboxId: string,
    taskId: string,
    set: Updateable<AgentTasksTable>,
  ): Promise<TaskRow | undefined> {
    return tx
      .updateTable('agent_tasks')
      .set(set)
      .where('id', '=', taskId)
      .where('sandbox_id', '=', sandboxId)
      .where('finished_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
  }

  async requestCancel(task: Pick<TaskRow, 'id' | 'sandbox_id'>): Promise<void> {
    await this.transaction(task.sandbox_id, async (tx) => {
      await this.updateOpen(tx, task.sandbox_id, task.id, { cancel_requested: true });
      await notifyTasks(tx, task.sandbox_id);
    });
  }

  /** Has a task that runs or waits for its turn ended as failed; the first reason stays. */
  async stop(sandboxId: string, taskId: string, error: { code: string; message: string }): Promise<void> {
    await this.transaction(sandboxId, async (tx) => {
      await tx
        .updateTable('agent_tasks')
        .set({ cancel_requested: true, stop_error: storableJson(error) })
        .where('id', '=', taskId)
        .where('sandbox_id', '=', sandboxId)
        .where('finished_at', 'is', null)
        .where('status', '!=', 'waiting_for_human')
        .where('cancel_requested', '=', false)
        .execute();
      await notifyTasks(tx, sandboxId);
    });
  }

  /** Keeps a report as the sandbox's last, and with its task while that one runs. */
  async setReport(
    tx: Tx,
    sandboxId: string,
    { taskId, report }: { taskId: string | null; report: TaskReport },
  ): Promise<void> {
    if (taskId !== null) await this.updateOpen(tx, sandboxId, taskId, { report: storableJson(report) });
    await tx
      .updateTable('sandboxes')
      .set({ last_task_report: storableJson(report) })
      .where('id', '=', sandboxId)
      .execute();
  }

  appendEvents(tx: Tx, sandboxId: string, events: NewEvent[], now: number): Promise<void> {
    return this.#events.append(tx, sandboxId, events, now);
  }

  /**
   * A transaction that holds the sandbox's row from its beginning: all changes to a sandbox's tasks take the locks in
   * one order, so that they cannot deadlock.
   */
  transaction<T>(sandboxId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (tx) => {
      await tx.selectFrom('sandboxes').select('id').where('id', '=', sandboxId).forUpdate().execute();
      return work(tx);
    });
  }
}

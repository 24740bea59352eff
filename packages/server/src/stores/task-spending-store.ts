import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ChargedTask } from '../services/models/charge-to.ts';

const COLUMNS = [
  'id',
  'session_id',
  'status',
  'budget',
  'finished_at',
  'spent_requests',
  'spent_tokens',
  'spent_cost_usd',
  'spent_unpriced',
] as const;
/** A model server that names another model in each answer fills no row. */
const MAX_MODELS = 20;

/** What one model call used. */
export interface Spending {
  tokens: number;
  /** Null: nobody knows. */
  costUsd: number | null;
  model: string;
}

/** What tasks used of their budgets, as the model gateway saw it. */
export class TaskSpendingStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The tasks of a sandbox that have not finished, and the newest that was begun, in order of arrival. */
  listCharged(sandboxId: string): Promise<ChargedTask[]> {
    return this.#db
      .selectFrom('agent_tasks')
      .select(COLUMNS)
      .where('sandbox_id', '=', sandboxId)
      .where((eb) =>
        eb.or([
          eb('finished_at', 'is', null),
          eb(
            'ordinal',
            '=',
            eb
              .selectFrom('agent_tasks as newest')
              .select((inner) => inner.fn.max('newest.ordinal').as('ordinal'))
              .where('newest.sandbox_id', '=', sandboxId)
              .where('newest.started_at', 'is not', null),
          ),
        ]),
      )
      .orderBy('ordinal')
      .execute();
  }

  /**
   * Counts a request on each task, unless `judge` finds that one of them may make none: then on none.
   * @returns those that may not, with the reason.
   */
  reserve(
    ids: readonly string[],
    judge: (task: ChargedTask) => string | null,
  ): Promise<{ id: string; problem: string }[]> {
    return this.#db.transaction().execute(async (tx) => {
      const tasks = await tx
        .selectFrom('agent_tasks')
        .select(COLUMNS)
        .where('id', 'in', ids)
        .orderBy('id')
        .forNoKeyUpdate()
        .execute();
      const refused = tasks.flatMap((task) => {
        const problem = judge(task);
        return problem === null ? [] : [{ id: task.id, problem }];
      });
      if (refused.length > 0) return refused;
      await tx
        .updateTable('agent_tasks')
        .set((eb) => ({ spent_requests: eb('spent_requests', '+', 1) }))
        .where('id', 'in', ids)
        .execute();
      return [];
    });
  }

  /** Adds what a call used to its tasks. @param counted whether its request was reserved. */
  async add(ids: readonly string[], call: Spending, counted: boolean): Promise<void> {
    if (ids.length === 0) return;
    const cost = call.costUsd ?? 0;
    await this.#db.transaction().execute(async (tx) => {
      // In the order in which others lock them.
      await tx
        .selectFrom('agent_tasks')
        .select('id')
        .where('id', 'in', ids)
        .orderBy('id')
        .forNoKeyUpdate()
        .execute();
      await tx
        .updateTable('agent_tasks')
        .set((eb) => ({
          spent_requests: eb('spent_requests', '+', counted ? 0 : 1),
          spent_tokens: eb('spent_tokens', '+', call.tokens),
          spent_cost_usd: eb('spent_cost_usd', '+', cost),
          spent_unpriced: eb('spent_unpriced', '+', call.costUsd === null ? 1 : 0),
          spent_by_model: sql<string>`case
            when spent_by_model ? ${call.model}::text or (select count(*) from jsonb_object_keys(spent_by_model)) < ${MAX_MODELS}
            then jsonb_set(spent_by_model, array[${call.model}::text],
              to_jsonb(coalesce((spent_by_model ->> ${call.model}::text)::float8, 0) + ${cost}::float8))
            else spent_by_model end`,
        }))
        .where('id', 'in', ids)
        .execute();
    });
  }
}

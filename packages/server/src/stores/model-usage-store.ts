import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { DailyUse } from '../services/models/daily-budget.ts';

/** Model calls, summed by sandbox, model and day (UTC). */
export class ModelUsageStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** What an organization's sandboxes used since midnight (UTC), by the database's clock. */
  async today(organizationId: string): Promise<DailyUse> {
    const { requests, tokens, cost, duration } = await this.#db
      .selectFrom('model_usage')
      .select((eb) => [
        eb.fn.sum<string | null>('requests').as('requests'),
        eb.fn.sum<string | null>(eb('input_tokens', '+', eb.ref('output_tokens'))).as('tokens'),
        eb.fn.sum<number | null>('cost_usd').as('cost'),
        eb.fn.sum<string | null>('duration_ms').as('duration'),
      ])
      .where('organization_id', '=', organizationId)
      .where('day', '=', sql<string>`(now() at time zone 'utc')::date`)
      .executeTakeFirstOrThrow();
    return {
      requests: Number(requests ?? 0),
      tokens: Number(tokens ?? 0),
      costUsd: Number(cost ?? 0),
      seconds: Number(duration ?? 0) / 1000,
    };
  }

  async add(
    sandboxId: string,
    call: { model: string; inputTokens: number; outputTokens: number; costUsd: number; durationMs: number },
  ): Promise<void> {
    await this.#db
      .insertInto('model_usage')
      .columns([
        'sandbox_id',
        'organization_id',
        'model',
        'requests',
        'input_tokens',
        'output_tokens',
        'cost_usd',
        'duration_ms',
      ])
      .expression((eb) =>
        eb
          .selectFrom('sandboxes')
          .select([
            'id',
            'organization_id',
            eb.val(call.model).as('model'),
            eb.cast<number>(eb.val(1), 'bigint').as('requests'),
            eb.cast<number>(eb.val(call.inputTokens), 'bigint').as('input_tokens'),
            eb.cast<number>(eb.val(call.outputTokens), 'bigint').as('output_tokens'),
            eb.cast<number>(eb.val(call.costUsd), 'double precision').as('cost_usd'),
            eb.cast<number>(eb.val(call.durationMs), 'bigint').as('duration_ms'),
          ])
          .where('id', '=', sandboxId),
      )
      .onConflict((conflict) =>
        conflict.columns(['sandbox_id', 'model', 'day']).doUpdateSet((eb) => ({
          requests: eb('model_usage.requests', '+', eb.ref('excluded.requests')),
          input_tokens: eb('model_usage.input_tokens', '+', eb.ref('excluded.input_tokens')),
          output_tokens: eb('model_usage.output_tokens', '+', eb.ref('excluded.output_tokens')),
          cost_usd: eb('model_usage.cost_usd', '+', eb.ref('excluded.cost_usd')),
          duration_ms: eb('model_usage.duration_ms', '+', eb.ref('excluded.duration_ms')),
        })),
      )
      .execute();
  }
}

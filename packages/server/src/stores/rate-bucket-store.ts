import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';

/** What a lease came back with. */
export interface TokenLease {
  /** Tokens taken out of the bucket, 0 to as many as were wanted. */
  granted: number;
  /** Tokens left in it; a fraction of one where it is empty. */
  left: number;
}

/** Token buckets that all servers share. They are read, refilled and taken from in one statement. */
export class RateBucketStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async take(
    bucket: { organizationId: string; name: string; burst: number; perMs: number },
    wanted: number,
  ): Promise<TokenLease> {
    const { organizationId, name, burst, perMs } = bucket;
    // The time of the statement that waited for the row may lie before the row's own.
    const filled = sql`least(${burst}::float8,
      b.tokens + greatest(0, excluded.updated_at - b.updated_at) * ${perMs}::float8)`;
    const granted = sql`least(${wanted}::float8, floor(${filled}))`;
    const { rows } = await sql<{ granted: number; tokens: number }>`
      insert into rate_buckets as b (organization_id, name, tokens, updated_at, granted)
      values (${organizationId}, ${name}, ${burst - wanted}::float8,
        extract(epoch from clock_timestamp())::float8 * 1000, ${wanted}::int)
      on conflict (organization_id, name) do update set
        tokens = ${filled} - ${granted},
        granted = ${granted}::int,
        updated_at = greatest(b.updated_at, excluded.updated_at)
      returning granted, tokens`.execute(this.#db);
    const row = rows[0];
    return { granted: row?.granted ?? 0, left: row?.tokens ?? 0 };
  }
}

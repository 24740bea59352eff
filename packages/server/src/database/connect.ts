import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Tables } from './schema.ts';

const INT8_OID = 20;
const MAX_CONNECTIONS = 20;

export type Database = Kysely<Tables>;

/**
 * Opens a connection pool. Epoch milliseconds and counters are bigint columns that fit a double, so they are read as
 * numbers.
 */
export function connectDatabase(connection: pg.PoolConfig): { db: Database; pool: pg.Pool } {
  const pool = new pg.Pool({
    ...connection,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID
          ? Number
          : (pg.types.getTypeParser(oid, format) as unknown)) as typeof pg.types.getTypeParser,
    },
  });
  // A connection that breaks while nobody uses it, or while it is being closed: the pool opens another one, and a
  // database that is gone is told by the next query.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return { db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool };
}

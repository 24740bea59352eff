import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Logger } from '../logger.ts';
import type { Tables } from './schema.ts';

const INT8_OID = 20;
const MAX_CONNECTIONS = 20;

export type Database = Kysely<Tables>;

/**
 * Opens a connection pool. Epoch milliseconds and counters are bigint columns that fit a double, so they are read as
 * numbers.
 */
export function connectDatabase(connection: pg.PoolConfig, logger: Logger): { db: Database; pool: pg.Pool } {
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
  // Connections fail when the database goes down, also between the queries of a transaction; the pool replaces them.
  // Of the error only its text is logged: the pool attaches the connection to it, and with that the password.
  const lost = ({ message }: Error): void =>
    logger.warn({ event: 'database.connection_lost', reason: message }, 'database connection lost');
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', lost));
  return { db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool };
}

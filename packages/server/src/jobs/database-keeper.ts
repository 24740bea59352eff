import type pg from 'pg';
import type { Logger } from '../logger.ts';

/** Starts the embedded PostgreSQL again when it is gone. The server itself only waits for a database of the operator's. */
export class DatabaseKeeper {
  readonly #pool: pg.Pool;
  readonly #restart: () => Promise<void>;
  readonly #logger: Logger;

  constructor(pool: pg.Pool, restart: () => Promise<void>, logger: Logger) {
    this.#pool = pool;
    this.#restart = restart;
    this.#logger = logger;
  }

  async check(): Promise<void> {
    try {
      await this.#pool.query('select 1');
    } catch (error) {
      this.#logger.error({ event: 'database.down', err: error }, 'the database does not answer; starting it');
      await this.#restart();
      this.#logger.info({ event: 'database.up' }, 'the database runs again');
    }
  }
}

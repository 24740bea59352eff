import { newId } from '@banata/protocol';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { connectDatabase, type Database } from '../database/connect.ts';
import { EmbeddedPostgres } from '../database/embedded-postgres.ts';
import { migrate } from '../database/migrate.ts';
import { createLogger } from '../logger.ts';
import { leftoversOf } from './leftovers.ts';

const silent = createLogger('silent');

const PARENT = '/var/lib';
const PREFIX = 'banata-testdb-';

/** A database of a test's own, with the newest schema and nothing in it. */
export interface TestDatabase {
  /** For `DATABASE_URL` of a server. */
  url: string;
  /** For {@link connectDatabase} and `pg`. */
  connection: pg.PoolConfig;
  /** The installation's secret that all servers on this database share, hex. */
  secret: string;
}

/** A PostgreSQL server of a test file's own. `close` removes it with all its databases. */
export class TestPostgres {
  readonly #directory: string;
  readonly #postgres: EmbeddedPostgres;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#postgres = new EmbeddedPostgres(directory);
  }

  /** Starts one; takes about three seconds. Removes what runs that were killed have left. */
  static async start(): Promise<TestPostgres> {
    await removeLeftovers();
    const directory = await mkdtemp(join(PARENT, `${PREFIX}${process.pid}-`));
    await chmod(directory, 0o711);
    const started = new TestPostgres(directory);
    try {
      await started.#postgres.ensureRunning();
      const { db } = connectDatabase(started.#postgres.connection, silent);
      await migrate(db);
      await db.destroy();
      return started;
    } catch (error) {
      await started.close();
      throw error;
    }
  }

  /** A new database, copied from a template, so that it takes milliseconds. Without `schema` there is nothing in it. */
  async create({ schema = true }: { schema?: boolean } = {}): Promise<TestDatabase> {
    const name = `test_${newId()}`;
    const { host, user } = this.#postgres.connection;
    const client = new pg.Client({ ...this.#postgres.connection, database: 'postgres' });
    await client.connect();
    try {
      await client.query(`create database ${name} template ${schema ? 'banata' : 'template0'}`);
    } finally {
      await client.end();
    }
    return {
      url: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host ?? '')}`,
      connection: { ...this.#postgres.connection, database: name },
      secret: randomBytes(32).toString('hex'),
    };
  }

  async close(): Promise<void> {
    await this.#postgres.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Opens a database for one test; `await using` closes it. */
export function openTestDatabase(database: TestDatabase): Database & AsyncDisposable {
  return connectDatabase(database.connection, silent).db;
}

async function removeLeftovers(): Promise<void> {
  for (const directory of await leftoversOf(PARENT, PREFIX)) {
    await new EmbeddedPostgres(directory).stop();
    await rm(directory, { recursive: true, force: true });
  }
}

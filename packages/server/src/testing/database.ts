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

/** All users may enter it. */
const PARENT = process.env['BANATA_TEST_FOLDER'] ?? '/var/lib';
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

/** Folder of the server that all test files of a run share; see {@link shareTestPostgres}. */
const SHARED_VARIABLE = 'BANATA_TEST_POSTGRES';
/** What a test writes need not outlive the machine. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' };

/** A PostgreSQL server for tests, which make databases of their own in it. */
export class TestPostgres {
  readonly #directory: string;
  readonly #postgres: EmbeddedPostgres;
  readonly #isShared: boolean;

  private constructor(directory: string, isShared: boolean) {
    this.#directory = directory;
    this.#isShared = isShared;
    this.#postgres = new EmbeddedPostgres(directory, SETTINGS);
  }

  /** The server that the run's files share, or without one a server of its own. */
  static async start(): Promise<TestPostgres> {
    const shared = process.env[SHARED_VARIABLE];
    return shared === undefined ? TestPostgres.startOwn() : new TestPostgres(shared, true);
  }

  /**
   * Starts a server of its own, which takes about two seconds, for tests that want an organization's events at once: a
   * transaction that is open anywhere on a server holds back what its readers may see. Removes what runs that were
   * killed have left.
   */
  static async startOwn(): Promise<TestPostgres> {
    await removeLeftovers();
    const directory = await mkdtemp(join(PARENT, `${PREFIX}${process.pid}-`));
    await chmod(directory, 0o711);
    const started = new TestPostgres(directory, false);
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

  /** Where its data and socket lie. */
  get directory(): string {
    return this.#directory;
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

  /** Removes the server with all its databases; a shared one stays. */
  async close(): Promise<void> {
    if (this.#isShared) return;
    await this.#postgres.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/**
 * Starts the server that the test files of this process's run share, in the processes that it starts from now on.
 * @returns how to end it.
 */
export async function shareTestPostgres(): Promise<() => Promise<void>> {
  const postgres = await TestPostgres.startOwn();
  process.env[SHARED_VARIABLE] = postgres.directory;
  return () => postgres.close();
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

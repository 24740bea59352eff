import { loadConfig, type Config } from '@banata/config';
import { NullDriver } from '@banata/drivers/testing';
import { getRequestListener } from '@hono/node-server';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compose, type Composition } from '../compose.ts';
import { serveUpgrades } from '../gateway/upgrades.ts';
import { createLogger } from '../logger.ts';
import type { FirstSecrets } from '../services/access/first-start.ts';
import type { TestDatabase } from './database.ts';
import { leftoversOf } from './leftovers.ts';

const PREFIX = 'banata-test-server-';

export interface TestServerOptions {
  database: TestDatabase;
  /** Further settings, as environment variables. */
  env?: Record<string, string>;
  /** Whether sweeper, reconciler and the like run. Default true. */
  jobs?: boolean;
  /** Gets the lines of the log. Default: stdout. */
  log?: (line: string) => void;
  /** Another server's driver: both are on one host then. Default: one of its own. */
  driver?: NullDriver;
}

/**
 * A whole server on a real database whose driver makes no containers. Several may share one database. `close` frees
 * everything but the database.
 */
export class TestServer {
  readonly url: string;
  readonly config: Config;
  readonly composition: Composition;
  readonly driver: NullDriver;
  /** Key of the first organization with full access; undefined where the database had an organization already. */
  readonly apiKey: string | undefined;
  /** Owner of the first organization; undefined likewise. */
  readonly owner: FirstSecrets['owner'];
  readonly #server: Server;

  private constructor(parts: {
    config: Config;
    composition: Composition;
    driver: NullDriver;
    server: Server;
    secrets: FirstSecrets;
  }) {
    this.config = parts.config;
    this.composition = parts.composition;
    this.driver = parts.driver;
    this.apiKey = parts.secrets.apiKey;
    this.owner = parts.secrets.owner;
    this.#server = parts.server;
    this.url = `http://127.0.0.1:${(parts.server.address() as AddressInfo).port}`;
  }

  static async start(options: TestServerOptions): Promise<TestServer> {
    const { database, env = {}, jobs = true, log, driver = new NullDriver() } = options;
    for (const left of await leftoversOf(tmpdir(), PREFIX)) await rm(left, { recursive: true, force: true });
    const home = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
    await writeFile(join(home, 'secret'), database.secret, { mode: 0o600 });
    const config = loadConfig({
      BANATA_HOME: home,
      BANATA_LOG_LEVEL: 'error',
      BANATA_MAX_SANDBOXES: '100000',
      DATABASE_URL: database.url,
      ...env,
    });
    const server = createServer();
    const composition = await compose(config, {
      logger: createLogger(config.logLevel, log && { write: log }),
      publicUrl: () => config.publicUrl ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      openDriver: () => Promise.resolve(driver),
    });
    const handle = getRequestListener(composition.app.fetch);
    server.on('request', (request, response) => void handle(request, response));
    serveUpgrades(server, composition.upgrades);
    let secrets: FirstSecrets = { apiKey: undefined, owner: undefined };
    await composition.firstStart((made) => {
      secrets = made;
      return Promise.resolve();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    if (jobs) composition.startJobs();
    return new TestServer({ config, composition, driver, server, secrets });
  }

  /** A request to the API; `key` goes into the Authorization header. */
  fetch(path: string, { key, ...init }: RequestInit & { key?: string | undefined } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    return fetch(this.url + path, { ...init, headers, signal: init.signal ?? AbortSignal.timeout(30_000) });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.composition.close();
    await rm(this.config.home, { recursive: true, force: true });
  }
}

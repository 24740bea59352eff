import { loadConfig } from '@banata/config';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const serverMain = join(repository, 'packages/server/src/main.ts');
const START_TIMEOUT_MS = 90_000;
const COMMAND_TIMEOUT_MS = 60_000;

/** An installation of its own, beside whatever else runs on the machine: home, port, names and network are its own. */
export class Installation {
  readonly home: string;
  readonly url: string;
  readonly #env: Record<string, string>;
  #pid: number | undefined;

  private constructor(home: string, port: number, env: Record<string, string>) {
    this.home = home;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      BANATA_CACHE: process.env['BANATA_CACHE'] ?? '',
      BANATA_DEBIAN_MIRROR: process.env['BANATA_DEBIAN_MIRROR'] ?? '',
      BANATA_EXTRA_CA: process.env['BANATA_EXTRA_CA'] ?? '',
      BANATA_ISOLATION: process.env['BANATA_TEST_ISOLATION'] ?? '',
      BANATA_HOME: home,
      BANATA_PORT: String(port),
      BANATA_POOL_GIB: '10',
      BANATA_WARM_BROWSER: '0',
      BANATA_WARM_AGENT: '0',
      ...env,
    };
  }

  /** Starts one. `env` adds settings; with BANATA_HOME it lies there, in a folder that is empty. */
  static async start(env: Record<string, string> = {}): Promise<Installation> {
    const home =
      env['BANATA_HOME'] ??
      (await mkdtemp(join(process.env['BANATA_TEST_FOLDER'] ?? '/var/lib', 'banata-test-')));
    const installation = new Installation(home, await freePort(), env);
    await installation.startServer();
    return installation;
  }

  /** Process of the server while it runs. */
  get pid(): number {
    if (this.#pid === undefined) throw new Error('the server does not run');
    return this.#pid;
  }

  get isolation(): 'container' | 'gvisor' {
    return loadConfig(this.#env).isolation.default;
  }

  get instanceId(): string {
    return loadConfig(this.#env).instanceId;
  }

  async apiKey(): Promise<string> {
    return (await readFile(join(this.home, 'api-key'), 'utf8')).trim();
  }

  /** @param more settings on top of the installation's own, for this start. */
  async startServer(more: Record<string, string> = {}): Promise<void> {
    const log = openSync(join(this.home, 'server.log'), 'a');
    const child = spawn(process.execPath, [serverMain, 'serve'], {
      env: { ...this.#env, ...more },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    this.#pid = child.pid;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answers(`${this.url}/readyz`))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`The server did not start:\n${await this.log()}`);
      }
      await sleep(50);
    }
  }

  /** Environment in which `./banata` commands work with this installation. */
  get env(): Record<string, string> {
    return { ...this.#env };
  }

  /** Ends the server with a signal and waits for its end. */
  async stopServer(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { pid } = this;
    process.kill(pid, signal);
    const deadline = Date.now() + COMMAND_TIMEOUT_MS;
    while (isAlive(pid)) {
      if (Date.now() > deadline) throw new Error(`server ${pid} did not end`);
      await sleep(20);
    }
    this.#pid = undefined;
  }

  async log(): Promise<string> {
    return readFile(join(this.home, 'server.log'), 'utf8');
  }

  /** Ends everything and leaves the machine as it was. */
  async remove(): Promise<void> {
    if (this.#pid !== undefined && isAlive(this.#pid)) await this.stopServer();
    await Promise.all([this.#command('purge'), this.#command('stop-database')]);
    await rm(this.home, { recursive: true, force: true });
  }

  async #command(name: string): Promise<void> {
    const child = spawn(process.execPath, [serverMain, name], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: COMMAND_TIMEOUT_MS,
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${name} ended with ${code}`);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

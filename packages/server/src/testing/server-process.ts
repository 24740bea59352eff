import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestDatabase } from './database.ts';

const START_TIMEOUT_MS = 60_000;

/** A server without containers that can be killed and started again, with its settings and folder. */
export class ServerProcess implements AsyncDisposable {
  url = '';
  /** Key of the first organization; known when this process made it. */
  apiKey = '';
  readonly #home: string;
  readonly #env: Record<string, string>;
  #child: ChildProcess | undefined;

  private constructor(home: string, env: Record<string, string>) {
    this.#home = home;
    this.#env = env;
  }

  static async start(database: TestDatabase, env: Record<string, string> = {}): Promise<ServerProcess> {
    const home = await mkdtemp(join(tmpdir(), 'banata-server-process-'));
    await writeFile(join(home, 'secret'), database.secret, { mode: 0o600 });
    const started = new ServerProcess(home, {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
      BANATA_HOME: home,
      DATABASE_URL: database.url,
      ...env,
    });
    await started.restart();
    return started;
  }

  async restart(): Promise<void> {
    const main = join(import.meta.dirname, 'server-process-main.ts');
    const child = spawn(process.execPath, [main], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface(child.stdout);
    const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(START_TIMEOUT_MS) })) as [string];
    const { url, apiKey } = JSON.parse(line) as { url: string; apiKey: string | null };
    this.url = url;
    this.apiKey = apiKey ?? this.apiKey;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#home, { recursive: true, force: true });
  }
}

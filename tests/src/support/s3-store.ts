import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(
  new URL('../../../packages/server/src/testing/s3-server-main.ts', import.meta.url),
);
const START_TIMEOUT_MS = 20_000;

/** An S3 server in a process of its own, which checks every signature. It can be killed and started again. */
export class S3Store {
  /** Settings of a server that keeps its objects here. */
  env: Record<string, string> = {};
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<S3Store> {
    const store = new S3Store(await mkdtemp(join(tmpdir(), 'banata-test-store-')));
    await store.startAgain();
    return store;
  }

  async startAgain(): Promise<void> {
    const port = new URL(this.env['BANATA_S3_ENDPOINT'] ?? 'http://store:0').port || '0';
    const child = spawn(process.execPath, [main, this.#folder, port], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface(child.stdout);
    const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(START_TIMEOUT_MS) })) as [string];
    this.env = JSON.parse(line) as Record<string, string>;
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

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

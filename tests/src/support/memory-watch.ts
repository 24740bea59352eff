import type { Sandbox } from '@banata-boxes/sdk';
import { readFile, writeFile } from 'node:fs/promises';
import type { Installation } from './installation.ts';

/** Resets the peak of the resident set (proc(5), clear_refs). */
const RESET_PEAK = '5';

/** Peaks of memory, MiB. */
export interface MemoryPeaks {
  /** What the server's grew by. */
  serverMib: number;
  /** The largest process of the daemon's in the box. */
  boxMib: number;
}

/** Watches the memory of an installation's server and of a sandbox's daemon with its file worker. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #sandbox: Sandbox;
  readonly #serverBefore: number;
  readonly #processId: string;

  private constructor(pid: number, sandbox: Sandbox, serverBefore: number, processId: string) {
    this.#pid = pid;
    this.#sandbox = sandbox;
    this.#serverBefore = serverBefore;
    this.#processId = processId;
  }

  static async start({ pid }: Installation, sandbox: Sandbox): Promise<MemoryWatch> {
    await writeFile(`/proc/${pid}/clear_refs`, RESET_PEAK);
    const watcher = 'while :; do ps -eo rss=,args= | grep /opt/banata/lib; sleep 0.3; done';
    const { id } = await sandbox.process.start(watcher);
    return new MemoryWatch(pid, sandbox, await peakMib(pid), id);
  }

  async stop(): Promise<MemoryPeaks> {
    await this.#sandbox.process.signal(this.#processId, 'SIGKILL');
    const { stdout } = await this.#sandbox.process.output(this.#processId, { maxBytes: 4 * 1024 * 1024 });
    const sizes = Buffer.from(stdout.data, stdout.encoding)
      .toString()
      .split('\n')
      .filter((line) => /(boxd|files-worker)\.cjs/.test(line))
      .map((line) => Number.parseInt(line, 10));
    if (sizes.length === 0) throw new Error('the memory of the box was not seen');
    return {
      serverMib: (await peakMib(this.#pid)) - this.#serverBefore,
      boxMib: Math.round(Math.max(...sizes) / 1024),
    };
  }
}

async function peakMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) / 1024);
}

import { open, readFile } from 'node:fs/promises';
import path from 'node:path';

import { DriverError } from '../driver.ts';
import { CommandError } from './command.ts';
import type { RunCommand } from './command.ts';
import { namesIn, readIfPresent } from './files.ts';

const START_TIMEOUT_MS = 10_000;
const DELETE_TIMEOUT_MS = 15_000;
const LOG_TAIL = 2_000;

/** A process of the host, told apart from later ones with the same number. */
export interface HostProcess {
  pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/pid/stat). */
  startTime: string;
}

async function statFields(pid: number): Promise<string[] | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets, which may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The process with this number, or undefined when there is none (a zombie counts as none). */
async function identifyProcess(pid: number): Promise<HostProcess | undefined> {
  const fields = await statFields(pid);
  const startTime = fields?.[19];
  if (startTime === undefined || fields?.[0] === 'Z' || fields?.[0] === 'X') return undefined;
  return { pid, startTime };
}

/** True while that very process runs. */
export async function isAlive(process_: HostProcess): Promise<boolean> {
  return (await identifyProcess(process_.pid))?.startTime === process_.startTime;
}

/** The OCI runtime, `runc`, with its state in a folder of this instance. */
export class Runtime {
  readonly #root: string;
  readonly #run: RunCommand;

  constructor(root: string, run: RunCommand) {
    this.#root = root;
    this.#run = run;
  }

  /**
   * Starts a container detached.
   * @param outputFile takes what the container prints; must be on the box's own disk, whose size is limited.
   * @returns its first process.
   * @throws {@link DriverError} BOX_START_FAILED with the runtime's words; the signal's reason when that aborts it.
   */
  async start(name: string, bundle: string, outputFile: string, signal: AbortSignal): Promise<HostProcess> {
    const pidFile = path.join(bundle, 'pid');
    const log = path.join(bundle, 'runtime.log');
    const output = await open(outputFile, 'a', 0o600);
    try {
      const global = ['--root', this.#root, '--log', log, '--log-format', 'json'];
      await this.#run(
        'runc',
        [...global, 'run', '--detach', '--bundle', bundle, '--pid-file', pidFile, name],
        {
          outputFd: output.fd,
          timeoutMs: START_TIMEOUT_MS,
          signal,
        },
      );
      const found = await identifyProcess(Number(await readFile(pidFile, 'utf8')));
      if (found) return found;
      throw new DriverError('BOX_START_FAILED', 'The box ended before its daemon answered.');
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause;
      throw new DriverError(
        'BOX_START_FAILED',
        `runc could not start the box. ${await this.#lastWords(log)}`,
        { cause },
      );
    } finally {
      await output.close();
    }
  }

  async #lastWords(log: string): Promise<string> {
    const text = (await readIfPresent(log)) ?? '';
    const messages = text.split('\n').flatMap((line) => /"msg":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? []);
    return messages.join('; ').slice(-LOG_TAIL) || 'It gave no reason.';
  }

  /** Forgets a container, whose processes must have ended. */
  async forget(name: string): Promise<void> {
    if (!(await this.containers()).includes(name)) return;
    await this.#run('runc', ['--root', this.#root, 'delete', '--force', name], {
      timeoutMs: DELETE_TIMEOUT_MS,
    });
  }

  /** Names of all containers, running or not. */
  async containers(): Promise<string[]> {
    return await namesIn(this.#root);
  }
}

import { open, readFile } from 'node:fs/promises';
import path from 'node:path';

import { DriverError } from '../driver.ts';
import { CommandError } from './command.ts';
import type { RunCommand } from './command.ts';
import { namesIn, readIfPresent } from './files.ts';
import { identifyProcess } from './host-process.ts';
import type { HostProcess } from './host-process.ts';

const START_TIMEOUT_MS = 10_000;
/** Memory on disk is read and written at the disk's pace. */
const MEMORY_TIMEOUT_MS = 120_000;
const SYNC_TIMEOUT_MS = 30_000;
const LOG_TAIL = 2_000;

/** A program and its arguments. */
export type CommandLine = readonly [string, ...string[]];

/** What tells one OCI runtime from another. */
export interface RuntimeKind {
  /** Name or path of the program. */
  program: string;
  /** Options that go before the subcommand. */
  options: string[];
  /** The container that an entry of the state folder belongs to; undefined for other entries. */
  containerOf(entry: string): string | undefined;
  /** Removes the state of a container whose processes have ended. */
  forget(name: string, root: string, run: RunCommand): Promise<void>;
  /** The command line that starts a container in this network namespace, made of the plain one. */
  startCommand(command: CommandLine, networkNamespace: string): CommandLine;
  /** Whether it can put the memory of a container on disk and bring it back. */
  keepsMemory: boolean;
}

export interface StartRequest {
  name: string;
  bundle: string;
  /** Takes what the container prints; must be on the box's own disk, whose size is limited. */
  outputFile: string;
  networkNamespace: string;
  /** Folder that the container's memory was put into, from which it goes on. Default: it starts anew. */
  memory?: string;
}

/** The messages in a log of JSON lines, the last ones first to survive a cut. */
async function lastWords(log: string): Promise<string> {
  const text = (await readIfPresent(log)) ?? '';
  const messages = text.split('\n').flatMap((line) => /"msg":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? []);
  return messages.join('; ').slice(-LOG_TAIL) || 'It gave no reason.';
}

/** An OCI runtime, with its state in a folder of this instance. */
export class Runtime {
  readonly #kind: RuntimeKind;
  readonly #root: string;
  readonly #run: RunCommand;

  constructor(kind: RuntimeKind, root: string, run: RunCommand) {
    this.#kind = kind;
    this.#root = root;
    this.#run = run;
  }

  /**
   * Starts a container detached.
   * @returns the process that lives as long as the container does.
   * @throws {@link DriverError} BOX_START_FAILED with the runtime's words; the signal's reason when that aborts it.
   */
  async start(request: StartRequest, signal: AbortSignal): Promise<HostProcess> {
    const { name, bundle, outputFile, networkNamespace, memory } = request;
    const pidFile = path.join(bundle, 'pid');
    const log = path.join(bundle, 'runtime.log');
    const output = await open(outputFile, 'a', 0o600);
    try {
      const { program, options } = this.#kind;
      const global = [...options, '--root', this.#root, '--log', log, '--log-format', 'json'];
      const verb = memory === undefined ? ['run'] : ['restore', '--image-path', memory];
      const run = [...verb, '--detach', '--bundle', bundle, '--pid-file', pidFile, name];
      const [file, ...args] = this.#kind.startCommand([program, ...global, ...run], networkNamespace);
      await this.#run(file, args, {
        outputFd: output.fd,
        timeoutMs: memory === undefined ? START_TIMEOUT_MS : MEMORY_TIMEOUT_MS,
        signal,
      });
      const found = await identifyProcess(Number(await readFile(pidFile, 'utf8')));
      if (found) return found;
      throw new DriverError('BOX_START_FAILED', 'The box ended before its daemon answered.');
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause;
      throw new DriverError(
        'BOX_START_FAILED',
        `${path.basename(this.#kind.program)} could not start the box. ${await lastWords(log)}`,
        { cause },
      );
    } finally {
      await output.close();
    }
  }

  get keepsMemory(): boolean {
    return this.#kind.keepsMemory;
  }

  /** Puts the memory of a running container into a new folder; the container ends with that. */
  async storeMemory(name: string, folder: string): Promise<void> {
    await this.#call(['checkpoint', '--compression=none', '--image-path', folder, name], MEMORY_TIMEOUT_MS);
  }

  /** Has the kernel of a container write out what it keeps of files. */
  async sync(name: string): Promise<void> {
    await this.#call(['exec', name, '/bin/sync'], SYNC_TIMEOUT_MS);
  }

  /** Asks the first process of a container to end. */
  async terminate(name: string): Promise<void> {
    await this.#call(['kill', name, 'TERM'], START_TIMEOUT_MS);
  }

  async #call(command: string[], timeoutMs: number): Promise<void> {
    const { program, options } = this.#kind;
    await this.#run(program, [...options, '--root', this.#root, ...command], { timeoutMs });
  }

  /** Forgets a container, whose processes must have ended. */
  async forget(name: string): Promise<void> {
    if (!(await this.containers()).includes(name)) return;
    await this.#kind.forget(name, this.#root, this.#run);
  }

  /** Names of all containers, running or not. */
  async containers(): Promise<string[]> {
    const names = (await namesIn(this.#root)).map((entry) => this.#kind.containerOf(entry));
    return [...new Set(names.filter((name) => name !== undefined))];
  }
}

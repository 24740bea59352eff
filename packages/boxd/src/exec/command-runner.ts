import type { BoxExecResult } from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '../http/route.ts';
import type { Account, BoxLogger } from '../services.ts';
import type { CommandSpec } from './command-spec.ts';
import { KeptOutputs } from './kept-outputs.ts';
import { killTree } from './kill-tree.ts';
import { OutputFile, RUNNING_PREFIX } from './output-file.ts';
import { OutputGuard } from './output-guard.ts';
import { RunningCommand, type Ending } from './running-command.ts';
import { spawnCommand, type SpawnRefusal } from './spawn-command.ts';

/** Variable by which every process of a command is found again, wherever it went. */
const EXEC_MARKER = 'BANATA_EXEC_ID';

const MAX_RUNNING = 256;
const KILL_GRACE_MS = 500;

export interface CommandRunnerOptions {
  /** Where output files lie, such as `/var/lib/banata/exec`. */
  directory: string;
  /** Accounts a command may run under or change to. */
  accounts: readonly Account[];
  logger: BoxLogger;
}

/** Starts commands and owns them until they are answered. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #outputs: KeptOutputs;
  readonly #guard = new OutputGuard();
  readonly #running = new Map<string, RunningCommand>();
  #starting = 0;

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
    this.#outputs = new KeptOutputs(options.directory);
  }

  /** Prepares the directory and ends what a daemon before this one left running. */
  async open(): Promise<void> {
    const leftovers = await this.#outputs.open();
    for (const id of leftovers) {
      this.#options.logger.warn('exec.leftover', { id });
      await this.#killTree(id, this.#options.accounts);
    }
  }

  /**
   * Starts a command; a program that does not exist is answered at once, as a shell would. The signal kills the
   * whole tree. Throws a {@link BoxError} when the request cannot be carried out.
   */
  async start(spec: CommandSpec, signal: AbortSignal): Promise<RunningCommand | BoxExecResult> {
    if (this.#running.size + this.#starting >= MAX_RUNNING) {
      throw new BoxError(
        429,
        'TOO_MANY_COMMANDS',
        `${MAX_RUNNING} commands run already; wait for one to end`,
      );
    }
    this.#starting += 1;
    try {
      return await this.#start(spec, signal);
    } finally {
      this.#starting -= 1;
    }
  }

  /** Kills what runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((command) => command.kill()));
    await this.#guard.close();
  }

  async #start(spec: CommandSpec, signal: AbortSignal): Promise<RunningCommand | BoxExecResult> {
    const startedAt = performance.now();
    const id = Date.now().toString(36) + randomBytes(10).toString('hex');
    const files = await this.#createFiles(id, spec.account);
    const [stdout, stderr] = files;
    let stdin: FileHandle | undefined;
    try {
      stdin = spec.stdin === undefined ? undefined : await this.#createStdin(id, spec.stdin, spec.account);
      const marked = { ...spec, env: { ...spec.env, [EXEC_MARKER]: id } };
      const child = await spawnCommand(marked, [stdin?.fd ?? 'ignore', stdout.fd, stderr.fd]);
      if (isRefusal(child)) {
        await discard(files);
        return refusedResult(child, performance.now() - startedAt);
      }
      const accounts = spec.account.uid === 0 ? this.#options.accounts : [spec.account];
      const command = new RunningCommand({
        id,
        child,
        stdout,
        stderr,
        timeoutMs: spec.timeoutMs,
        startedAt,
        killTree: () => this.#killTree(id, accounts, child.pid),
        settle: (ending) => this.#settle(command, files, ending, spec.maxOutputBytes, child.pid),
      });
      this.#own(command, files, signal);
      return command;
    } catch (error) {
      await discard(files);
      throw error;
    } finally {
      await stdin?.close();
    }
  }

  #own(command: RunningCommand, files: readonly OutputFile[], signal: AbortSignal): void {
    this.#running.set(command.id, command);
    this.#guard.watch(files);
    const kill = (): void => void command.kill();
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    void command.ended.finally(() => signal.removeEventListener('abort', kill));
  }

  async #createFiles(id: string, account: Account): Promise<[OutputFile, OutputFile]> {
    const created = await Promise.allSettled(
      ['out', 'err'].map((kind) => OutputFile.create(this.#options.directory, `${id}.${kind}`, account)),
    );
    const [stdout, stderr] = created.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    if (stdout && stderr) return [stdout, stderr];
    await discard(stdout ? [stdout] : []);
    const failed = created.find((result) => result.status === 'rejected');
    throw diskError(failed?.reason);
  }

  async #createStdin(id: string, text: string, account: Account): Promise<FileHandle> {
    const path = join(this.#options.directory, `${RUNNING_PREFIX}${id}.in`);
    try {
      await writeFile(path, text, { mode: 0o600, flag: 'wx' });
      const handle = await open(path, constants.O_RDONLY);
      if (account.uid !== process.getuid?.()) await handle.chown(account.uid, account.gid);
      return handle;
    } catch (error) {
      throw diskError(error);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #settle(
    command: RunningCommand,
    files: readonly [OutputFile, OutputFile],
    ending: Ending,
    maxOutputBytes: number,
    pid: number | undefined,
  ): Promise<BoxExecResult> {
    this.#running.delete(command.id);
    let kept: string[] = [];
    try {
      const [stdout, stderr] = await Promise.all([
        files[0].head(maxOutputBytes),
        files[1].head(maxOutputBytes),
      ]);
      const [stdoutFile, stderrFile] = await Promise.all([
        retain(files[0], stdout.whole),
        retain(files[1], stderr.whole),
      ]);
      kept = [stdoutFile, stderrFile].filter((path) => path !== null);
      await this.#outputs.add(kept);
      const truncated = kept.length > 0;
      return { ...ending, stdout: stdout.text, stderr: stderr.text, truncated, stdoutFile, stderrFile };
    } finally {
      await this.#guard.release(files, kept.length > 0, () => groupLives(pid));
    }
  }

  /** Never rejects: a caller that waits for the end of a command must be answered. */
  async #killTree(id: string, accounts: readonly Account[], root?: number): Promise<void> {
    try {
      const marker = { name: EXEC_MARKER, value: id };
      const left = await killTree({ root, marker, accounts, graceMs: KILL_GRACE_MS });
      if (left.length > 0) this.#options.logger.warn('exec.unkillable', { id, left });
    } catch (error) {
      this.#options.logger.error('exec.kill_failed', { id, error });
    }
  }
}

function isRefusal(child: object): child is SpawnRefusal {
  return !('pid' in child);
}

async function retain(file: OutputFile, whole: boolean): Promise<string | null> {
  if (!whole) return await file.keep();
  await file.unlink();
  return null;
}

async function discard(files: readonly OutputFile[]): Promise<void> {
  for (const file of files) {
    await file.unlink();
    await file.close();
  }
}

function groupLives(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function refusedResult(refused: SpawnRefusal, durationMs: number): BoxExecResult {
  return {
    stdout: '',
    stderr: refused.stderr,
    exitCode: refused.exitCode,
    signal: null,
    durationMs,
    timedOut: false,
    truncated: false,
    stdoutFile: null,
    stderrFile: null,
  };
}

function diskError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new BoxError(507, 'DISK_FULL', 'The disk of the box is full; remove files and try again', {
    cause: error,
  });
}

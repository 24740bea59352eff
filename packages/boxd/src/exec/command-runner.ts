import type { BoxExecResult } from '@banata/protocol/box';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '../http/route.ts';
import { isDiskFull } from '../limits/disk-full.ts';
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
/** Memory of the box pays for what lies outside of its disk. */
const MAX_SPARE_BYTES = 1024 * 1024;
const KILL_GRACE_MS = 500;

export interface CommandRunnerOptions {
  /** Where output files lie, such as `/var/lib/banata/exec`. */
  directory: string;
  /** Accounts a command may run under or change to. */
  accounts: readonly Account[];
  logger: BoxLogger;
  /** Folder outside of the box's disk, for output while that is full. */
  spareDirectory: string;
  /** What is kept of each output stream, bytes; known once the box is configured. */
  outputBytes: () => number;
  limits: CommandLimits;
  /** Called when the directory of a command cannot be entered; resolves with whether it can be tried again. */
  repairDirectory: (path: string) => Promise<boolean>;
}

/** What commands and the limits of the box have to do with each other. */
export interface CommandLimits {
  commandEnded(end: Pick<BoxExecResult, 'exitCode' | 'signal'>): void;
  /** Whether the disk takes no more; looks anew and tells of it when it is so. */
  diskIsFull(): Promise<boolean>;
  /** Whether it was full when last looked at. */
  readonly diskWasFull: boolean;
  /** A process could not be made. Resolves with whether there is room for one now. */
  processesExhausted(): Promise<boolean>;
}

/** Starts commands and owns them until they are answered. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #outputs: KeptOutputs;
  readonly #spareOutputs: KeptOutputs;
  readonly #guard = new OutputGuard();
  readonly #running = new Map<string, RunningCommand>();
  #starting = 0;

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
    this.#outputs = new KeptOutputs({ directory: options.directory, streamBytes: options.outputBytes });
    this.#spareOutputs = new KeptOutputs({
      directory: options.spareDirectory,
      maxFiles: 8,
      streamBytes: () => MAX_SPARE_BYTES,
    });
  }

  /** Prepares the directory and ends what a daemon before this one left running. */
  async open(): Promise<void> {
    const leftovers = await Promise.all([this.#outputs.open(), this.#spareOutputs.open()]);
    for (const id of leftovers.flat()) {
      this.#options.logger.warn('exec.leftover', { id });
      await this.#killTree(id);
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
      const child = await this.#spawn(marked, [stdin?.fd ?? 'ignore', stdout.fd, stderr.fd]);
      if (isRefusal(child)) {
        await discard(files);
        return refusedResult(child, performance.now() - startedAt);
      }
      const command = new RunningCommand({
        id,
        child,
        stdout,
        stderr,
        timeoutMs: spec.timeoutMs,
        startedAt,
        killTree: () => this.#killTree(id, child.pid),
        settle: (ending) => this.#settle(command, files, ending, { ...spec, pid: child.pid }),
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

  /** Once more when what stood in the way could be removed. */
  async #spawn(spec: CommandSpec, stdio: StdioOptions): Promise<ChildProcess | SpawnRefusal> {
    try {
      return await spawnCommand(spec, stdio);
    } catch (error) {
      if (!(error instanceof BoxError) || !(await this.#remedy(error, spec))) throw error;
      return await spawnCommand(spec, stdio);
    }
  }

  async #remedy({ code }: BoxError, { cwd }: CommandSpec): Promise<boolean> {
    if (code === 'BOX_EXHAUSTED') return await this.#options.limits.processesExhausted();
    if (code.startsWith('CWD_')) return await this.#options.repairDirectory(cwd);
    return false;
  }

  #own(command: RunningCommand, files: readonly OutputFile[], signal: AbortSignal): void {
    this.#running.set(command.id, command);
    this.#guard.watch(files);
    const kill = (): void => void command.kill();
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    void command.ended.finally(() => signal.removeEventListener('abort', kill));
  }

  /** On the disk; while it is full, outside of it, so that commands that make room can be run. */
  async #createFiles(id: string, account: Account): Promise<[OutputFile, OutputFile]> {
    const { limits, directory, spareDirectory, outputBytes } = this.#options;
    const spare = { directory: spareDirectory, maxBytes: MAX_SPARE_BYTES };
    try {
      const full = limits.diskWasFull && (await limits.diskIsFull());
      return await createPair(full ? spare : { directory, maxBytes: outputBytes() }, id, account);
    } catch (error) {
      if (!isDiskFull(error) || !(await limits.diskIsFull())) throw diskError(error);
      return await createPair(spare, id, account).catch((cause: unknown) => Promise.reject(diskError(cause)));
    }
  }

  async #createStdin(id: string, content: string | Uint8Array, account: Account): Promise<FileHandle> {
    const { directory, spareDirectory, limits } = this.#options;
    const path = join(limits.diskWasFull ? spareDirectory : directory, `${RUNNING_PREFIX}${id}.in`);
    try {
      await writeFile(path, content, { mode: 0o600, flag: 'wx' });
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
    { maxOutputBytes, pid }: { maxOutputBytes: number; pid: number | undefined },
  ): Promise<BoxExecResult> {
    this.#running.delete(command.id);
    let kept: string[] = [];
    try {
      const [stdout, stderr] = await Promise.all([
        conclude(files[0], maxOutputBytes),
        conclude(files[1], maxOutputBytes),
      ]);
      kept = [stdout.file, stderr.file].filter((path) => path !== null);
      await (kept[0]?.startsWith(this.#options.directory) ? this.#outputs : this.#spareOutputs).add(kept);
      const truncated = kept.length > 0;
      const note = await this.#noteOnLimits(ending, files[0]);
      return {
        ...ending,
        stdout: stdout.text,
        stderr: stderr.text + note,
        truncated,
        stdoutFile: stdout.file,
        stderrFile: stderr.file,
      };
    } finally {
      this.#guard.release(files, kept.length > 0, () => groupLives(pid));
    }
  }

  /** What stderr may lack: on a full disk not even the message about it can be written. */
  async #noteOnLimits(ending: Ending, stdout: OutputFile): Promise<string> {
    const { limits, directory } = this.#options;
    limits.commandEnded(ending);
    const onDisk = stdout.directory === directory;
    if (ending.exitCode === 0 || !onDisk || !(await limits.diskIsFull())) return '';
    return '[banata: the disk of the sandbox is full; output of this command may be missing]\n';
  }

  /** Never rejects: a caller that waits for the end of a command must be answered. */
  async #killTree(id: string, root?: number): Promise<void> {
    // All accounts: sudo leads from one to another.
    const { accounts } = this.#options;
    try {
      const marker = { name: EXEC_MARKER, value: id };
      const left = await killTree({ root, marker, accounts, graceMs: KILL_GRACE_MS });
      if (left.length > 0) this.#options.logger.warn('exec.unkillable', { id, left });
    } catch (error) {
      this.#options.logger.error('exec.kill_failed', { id, error });
    }
  }
}

async function createPair(
  place: { directory: string; maxBytes: number },
  id: string,
  account: Account,
): Promise<[OutputFile, OutputFile]> {
  const created = await Promise.allSettled(
    ['out', 'err'].map((kind) => OutputFile.create(place, `${id}.${kind}`, account)),
  );
  const [stdout, stderr] = created.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (stdout && stderr) return [stdout, stderr];
  await discard(stdout ? [stdout] : []);
  throw created.find((result) => result.status === 'rejected')?.reason;
}

function isRefusal(child: object): child is SpawnRefusal {
  return !('pid' in child);
}

/** What is answered of a stream; where that is not all of it, the file is kept for its reader. */
async function conclude(
  file: OutputFile,
  maxOutputBytes: number,
): Promise<{ text: string; file: string | null }> {
  const size = await file.enforceLimit();
  const isWhole = size <= maxOutputBytes && !file.discarded;
  const [text] = await Promise.all([file.head(size, maxOutputBytes), isWhole && file.unlink()]);
  return { text, file: isWhole ? null : await file.keep() };
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
    durationMs: Math.round(durationMs * 1000) / 1000,
    timedOut: false,
    truncated: false,
    stdoutFile: null,
    stderrFile: null,
  };
}

function diskError(error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  return new BoxError(507, 'DISK_FULL', 'The disk of the sandbox is full; remove files and try again', {
    cause: error,
  });
}

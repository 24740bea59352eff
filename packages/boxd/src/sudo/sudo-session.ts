import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { killTree } from '../exec/kill-tree.ts';
import { preferForOom } from '../limits/oom-score.ts';
import type { BoxEnvironment, BoxLogger } from '../services.ts';
import { parseSudoArguments, SUDO_USAGE } from './sudo-arguments.ts';
import { planSudo, type SudoPlan } from './sudo-plan.ts';
import { SudoRefusal, sudoRequestSchema } from './sudo-request.ts';

/** The kernel takes about 2 MiB of arguments and environment; JSON makes them longer. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const KILL_GRACE_MS = 500;

/** Variable by which what a call of sudo started is found again. */
const SUDO_MARKER = 'BANATA_SUDO_ID';

/** Signals that sudo passes on (the list in `box/bin/sudo`). */
const FORWARDED = new Set(
  ['INT', 'TERM', 'HUP', 'QUIT', 'USR1', 'USR2', 'ALRM', 'WINCH', 'CONT', 'STOP'].map(
    (name) => constants.signals[`SIG${name}` as NodeJS.Signals],
  ),
);

export interface SudoSessionDeps {
  environment: BoxEnvironment;
  logger: BoxLogger;
  /** Variables of the box that every command starts with. */
  base: () => Readonly<Record<string, string>>;
  /** PATH of commands of root. */
  path: string;
}

/** Serves one call of sudo on its connection, from the request to the result. Never rejects. */
export async function serveSudo(socket: Socket, deps: SudoSessionDeps): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    const plan = await planFor(await readRequest(socket), deps);
    if (!socket.destroyed) await runPlan(socket, plan, deps);
  } catch (error) {
    if (!(error instanceof SudoRefusal)) deps.logger.error('sudo.failed', { error });
    const known = error instanceof SudoRefusal;
    const text = known ? error.message : 'the daemon of the sandbox failed; its log says why';
    const exitCode = known ? error.exitCode : 1;
    const prints =
      exitCode === 0 ? { stdout: `${text}\n`, stderr: '' } : { stdout: '', stderr: `sudo: ${text}\n` };
    reply(socket, { ...prints, exitCode, signal: null });
  }
}

async function readRequest(socket: Socket): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    if (text.length > MAX_REQUEST_BYTES)
      reject(new SudoRefusal('the arguments and the environment are too long'));
    else if (text.endsWith('\n')) resolve(text);
  };
  const onClose = (): void => reject(new SudoRefusal('the caller went away'));
  const timer = setTimeout(() => reject(new SudoRefusal('no request came in time')), REQUEST_TIMEOUT_MS);
  socket.on('data', onData).once('close', onClose);
  try {
    // The caller sends ASCII only, and nothing more before it is asked to.
    return JSON.parse(await promise) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new SudoRefusal('the request is not JSON');
    throw error;
  } finally {
    clearTimeout(timer);
    socket.pause();
    socket.off('data', onData).off('close', onClose);
  }
}

async function planFor(body: unknown, { environment, base, path }: SudoSessionDeps): Promise<SudoPlan> {
  const request = sudoRequestSchema.safeParse(body);
  if (!request.success) throw new SudoRefusal('the request has not the expected shape');
  const call = parseSudoArguments(request.data.argv);
  const caller = environment.accounts.user;
  switch (call.kind) {
    case 'help':
      throw new SudoRefusal(SUDO_USAGE.trimEnd(), 0);
    case 'version':
      throw new SudoRefusal('sudo of the sandbox: commands are run by its daemon', 0);
    case 'list':
      throw new SudoRefusal(
        `User ${caller.name} may run the following commands:\n    (ALL) NOPASSWD: ALL`,
        0,
      );
    case 'nothing':
      throw new SudoRefusal('', 0);
    case 'run': {
      const passwd = await readFile('/etc/passwd', 'utf8');
      return planSudo({ request: request.data, call, passwd, base: base(), path, caller });
    }
  }
}

async function runPlan(socket: Socket, plan: SudoPlan, deps: SudoSessionDeps): Promise<void> {
  const { environment } = deps;
  const id = randomBytes(12).toString('hex');
  const child = startHelper(socket, plan, { id, installDir: environment.installDir });
  const ended = exitOf(child);
  let over = false;
  const kill = (): void => {
    if (!over) void killAll(child, id, deps);
  };
  socket.once('close', kill);
  try {
    if (socket.destroyed) kill();
    // Till then what comes over the connection is for the helper.
    const ready = child.stdio[4] as Readable;
    ready.resume();
    await Promise.race([once(ready, 'close'), ended]);
    socket.on('data', (chunk: Buffer) => forwardSignals(child, chunk));
    socket.resume();
    const { exitCode, signal } = await ended;
    over = true;
    reply(socket, { exitCode, signal: signal === null ? null : constants.signals[signal] });
  } finally {
    over = true;
    socket.off('close', kill);
  }
}

function startHelper(
  socket: Socket,
  plan: SudoPlan,
  { id, installDir }: { id: string; installDir: string },
): ChildProcess {
  const { account, terminal, umask, directory, program, args } = plan;
  const identity = [account.name, account.uid, account.gid].map(String);
  const child = spawn(
    join(installDir, 'libexec/take-descriptors'),
    [terminal ? 'terminal' : 'plain', ...identity, String(umask), directory ?? '', program, ...args],
    {
      cwd: '/',
      env: { ...plan.env, [SUDO_MARKER]: id },
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', socket, 'pipe'],
    },
  );
  preferForOom(child.pid);
  return child;
}

async function exitOf(
  child: ChildProcess,
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
  try {
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return { exitCode, signal };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const exhausted = code === 'EAGAIN' || code === 'ENOMEM';
    if (exhausted)
      throw new SudoRefusal('the sandbox has no processes or memory left; end some and try again');
    if (code === 'E2BIG') throw new SudoRefusal('the arguments and the environment are too long');
    throw error;
  }
}

/** Every byte is the number of a signal for the process group of the command. */
function forwardSignals(child: ChildProcess, numbers: Buffer): void {
  for (const number of numbers) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (!FORWARDED.has(number)) continue;
    try {
      process.kill(-child.pid, number);
    } catch {
      // It ended meanwhile, which is answered by its own.
    }
  }
}

async function killAll(
  child: ChildProcess,
  id: string,
  { environment, logger }: SudoSessionDeps,
): Promise<void> {
  const accounts = Object.values(environment.accounts);
  const marker = { name: SUDO_MARKER, value: id };
  const left = await killTree({ root: child.pid, marker, accounts, graceMs: KILL_GRACE_MS }).catch(
    (error: unknown) => {
      logger.error('sudo.kill_failed', { error });
      return [];
    },
  );
  if (left.length > 0) logger.warn('sudo.unkillable', { left });
}

function reply(socket: Socket, message: object): void {
  if (!socket.destroyed) socket.end(`${JSON.stringify(message)}\n`);
}

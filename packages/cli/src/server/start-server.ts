import { spawn } from 'node:child_process';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { takeLock } from '../setup/lock.ts';
import { findServer, localUrl, type ServerInfo } from './server-info.ts';
import { endProcess } from './stop-server.ts';

/**
 * Most of what a request runs is run too seldom to be compiled well, and V8's interpreter is slow: with baseline code
 * from the first call on, creating a sandbox takes a sixth less CPU time of the server.
 */
const NODE_FLAGS = ['--always-sparkplug'];
const START_LIMIT_MS = 60_000;
const LOCK_WAIT_MS = 90_000;
const POLL_MS = 25;
const TAIL_BYTES = 4096;

export interface StartedServer {
  info: ServerInfo;
  /** It was there before. */
  wasRunning: boolean;
}

/**
 * Starts the server as a process of its own, with its output in the log file, and waits until it can take work.
 * @throws CliError with the end of its log when it does not come up.
 */
export async function startServer(context: CliContext): Promise<StartedServer> {
  const { config, signal } = context;
  await using _lock = await takeLock(join(config.home, 'up.lock'), { waitMs: LOCK_WAIT_MS, signal });
  const running = await findServer(config);
  if (running) return { info: running, wasRunning: true };
  // Awaited here: the lock is held until the server is up.
  return await context.output.step('Starting the server', async () => ({
    info: await launch(context),
    wasRunning: false,
  }));
}

async function launch(context: CliContext): Promise<ServerInfo> {
  const { config } = context;
  await mkdir(config.home, { recursive: true });
  await using log = await open(config.paths.serverLog, 'a', 0o600);
  const logStart = (await log.stat()).size;
  const main = join(context.root, 'packages/server/src/main.ts');
  const child = spawn(process.execPath, [...NODE_FLAGS, main, 'serve'], {
    cwd: '/',
    env: context.env,
    // Of its own session, so that neither Ctrl-C nor a closed terminal ends it.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  child.once('exit', (code, signal) => (failure ??= `it ended with ${signal ?? `exit code ${code}`}`));
  try {
    const deadline = Date.now() + START_LIMIT_MS;
    for (;;) {
      context.signal.throwIfAborted();
      const info = await findServer(config);
      if (info && info.pid === child.pid && (await isReady(localUrl(config, info)))) {
        child.unref();
        return info;
      }
      if (failure === undefined && Date.now() > deadline)
        failure = `it was not ready within ${START_LIMIT_MS / 1000} s`;
      if (failure !== undefined) throw await startFailure(config.paths.serverLog, logStart, failure);
      await sleep(POLL_MS);
    }
  } catch (error) {
    if (child.pid !== undefined && child.exitCode === null) await endProcess(child.pid, 10_000);
    throw error;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
    await reply.body?.cancel();
    return reply.ok;
  } catch {
    return false;
  }
}

async function startFailure(logPath: string, from: number, reason: string): Promise<CliError> {
  const { size } = await stat(logPath);
  const text = (await readFile(logPath))
    .subarray(Math.max(from, size - TAIL_BYTES))
    .toString()
    .trim();
  const tail = text.split('\n').slice(-12).join('\n');
  return new CliError(
    `The server did not start: ${reason}${tail === '' ? '' : `\n${tail}`}`,
    `Its whole log is ${logPath}. Run ./banata up again once the cause is gone.`,
  );
}

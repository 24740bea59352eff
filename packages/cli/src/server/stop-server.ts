import { setTimeout as sleep } from 'node:timers/promises';
import { isServer } from './server-info.ts';

const POLL_MS = 20;

/**
 * Asks the server to stop, and kills it when it does not.
 * @returns whether it had to be killed.
 */
export async function endProcess(pid: number, limitMs: number): Promise<boolean> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isServer(pid))) return false;
    send(pid, signal);
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      if (!(await isServer(pid))) return signal === 'SIGKILL';
      await sleep(POLL_MS);
    }
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

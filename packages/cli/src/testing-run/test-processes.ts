import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const END_LIMIT_MS = 10_000;
const POLL_MS = 20;

/**
 * Kills the processes that work with a folder of tests: those that have it in their environment, their arguments or as
 * their working directory. Resolves when they are gone, or after ten seconds.
 * @param spare tells by the arguments which are left to a command that ends them in order.
 */
export async function killProcessesOf(folder: string, spare: (args: string) => boolean): Promise<void> {
  const deadline = Date.now() + END_LIMIT_MS;
  for (;;) {
    const found = await processesOf(folder, spare);
    if (found.length === 0 || Date.now() > deadline) return;
    for (const pid of found) kill(pid);
    await sleep(POLL_MS);
  }
}

async function processesOf(folder: string, spare: (args: string) => boolean): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      if (pid === process.pid) return false;
      const [environment, args, directory] = await Promise.all([
        readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''),
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        readlink(`/proc/${pid}/cwd`).catch(() => ''),
      ]);
      return [environment, args, directory].some((text) => text.includes(folder)) && !spare(args);
    }),
  );
  return pids.filter((_, index) => found[index]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Gone between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_TIMEOUT_MS = 60_000;

/** A server under load, in a process of its own on one CPU. */
export interface LoadServer extends AsyncDisposable {
  url: string;
  apiKey: string;
  /** Resident memory of the server's process, bytes. */
  memory(): Promise<number>;
}

/** Starts it, pinned to the first CPU from then on, with a database that has `rows` ended sandboxes. */
export async function startLoadServer(root: string, rows: number): Promise<LoadServer> {
  const program = join(root, 'packages/server/src/testing/load-server.ts');
  const child = spawn(process.execPath, [program, '--rows', String(rows)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const end = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  try {
    const first = once(createInterface(child.stdout), 'line', {
      signal: AbortSignal.timeout(START_TIMEOUT_MS),
    });
    const gone = exited.then(() => Promise.reject(new Error('the load server ended while it started')));
    const [line] = (await Promise.race([first, gone])) as [string];
    const { url, apiKey, pid } = JSON.parse(line) as { url: string; apiKey: string; pid: number };
    // Only now, and all of its threads: the database that it has started would inherit the CPU.
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '0', String(pid)], { stdio: 'ignore' });
    return { url, apiKey, memory: () => residentMemory(url), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function residentMemory(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
}

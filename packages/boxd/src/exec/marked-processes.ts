import { spawn } from 'node:child_process';
import type { Account } from '../services.ts';

const SCAN_TIMEOUT_MS = 3000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** How to find processes by their environment. */
export interface Marker {
  /** Name of the variable. */
  name: string;
  /** Its value; without one the variable alone counts. */
  value?: string;
}

/**
 * Ids of the processes of an account that have a variable in the environment they were started with.
 *
 * The kernel shows a process's environment to processes of the same user only (ptrace(2), "Ptrace access mode
 * checking"), and boxd has no CAP_SYS_PTRACE; so a `grep` of that account looks. What a process does to its own
 * environment afterwards can hide it.
 */
export async function findMarked(marker: Marker, account: Account): Promise<number[]> {
  const pattern =
    marker.value === undefined ? ['-e', `^${marker.name}=`] : ['-xF', '-e', `${marker.name}=${marker.value}`];
  const output = await run(['-c', 'exec grep -slz "$@" /proc/[0-9]*/environ', 'grep', ...pattern], account);
  return [...output.matchAll(/^\/proc\/(\d+)\//gm)].map((match) => Number(match[1]));
}

function run(args: string[], account: Account): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', args, {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: SCAN_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < MAX_OUTPUT_BYTES) output += text;
    });
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}

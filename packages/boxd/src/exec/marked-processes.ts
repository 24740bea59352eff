import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

/** What a search found; `whole` is false where time ran out before it had seen all. */
export interface MarkedProcesses {
  pids: number[];
  whole: boolean;
}

/**
 * Ids of the processes of an account that have a variable in the environment they were started with.
 *
 * The kernel shows a process's environment to processes of the same user only (ptrace(2), "Ptrace access mode
 * checking"), and boxd has no CAP_SYS_PTRACE; so a `grep` of that account looks. What a process does to its own
 * environment afterwards can hide it.
 */
export async function findMarked(marker: Marker, account: Account): Promise<MarkedProcesses> {
  const pattern =
    marker.value === undefined ? ['-e', `^${marker.name}=`] : ['-xF', '-e', `${marker.name}=${marker.value}`];
  const { output, whole } = await run(
    ['-c', 'exec grep -slz "$@" /proc/[0-9]*/environ', 'grep', ...pattern],
    account,
  );
  const depth = namespaceDepth('self');
  const pids = [...output.matchAll(/^\/proc\/(\d+)\//gm)]
    .map((match) => Number(match[1]))
    .filter((pid) => namespaceDepth(String(pid)) === depth);
  return { pids, whole };
}

/**
 * How many pid namespaces deep a process lies, as seen from here (NSpid in proc_pid_status(5)): processes of another
 * box carry the same variables, and are seen where the daemon runs outside of a box.
 */
function namespaceDepth(pid: string): number | undefined {
  try {
    return /^NSpid:(.*)$/m
      .exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      ?.trim()
      .split(/\s+/).length;
  } catch {
    return undefined;
  }
}

function run(args: string[], account: Account): Promise<{ output: string; whole: boolean }> {
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
    child.once('close', (_, signal) => resolve({ output, whole: signal === null }));
  });
}

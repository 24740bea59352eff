import { spawn } from 'node:child_process';
import type { Account } from '../../services.ts';

const KILL_AFTER_MS = 10_000;
const MAX_OUTPUT = 64 * 1024;

/**
 * Runs a short shell script with the rights of `account`, so that what the account arranged (symbolic links, say)
 * reaches no further than the account does. Resolves to its exit code; at most 10 s.
 */
export function runScriptAs(
  account: Account,
  bash: string,
  script: string,
  args: string[],
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(bash, ['-c', script, 'agent-script', ...args], {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: account.home, LANG: 'C.UTF-8' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: KILL_AFTER_MS,
      killSignal: 'SIGKILL',
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < MAX_OUTPUT) errors += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (errors === '') resolve(code);
      else reject(new Error(`script as ${account.name} ended with ${code}: ${errors.slice(0, 500)}`));
    });
  });
}

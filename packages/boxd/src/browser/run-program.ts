import { spawn } from 'node:child_process';
import type { Account } from '../services.ts';

const MAX_OUTPUT = 8 * 1024;

export interface ProgramOptions {
  account: Account;
  env: Record<string, string>;
  timeoutMs: number;
  /** Default: none. */
  input?: string;
  /** Most characters of its output that are kept, the last ones. Default 8192. */
  maxOutput?: number;
  /** Descriptor that takes its output instead. */
  outputTo?: number;
}

/** Runs a program to its end. @returns what it printed. @throws Error with its last words. */
export function runProgram(
  [command, ...args]: [string, ...string[]],
  options: ProgramOptions,
): Promise<string> {
  const { account, env, timeoutMs, input = '', maxOutput = MAX_OUTPUT, outputTo = 'pipe' } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      stdio: ['pipe', outputTo, 'pipe'],
    });
    let output = '';
    let words = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-maxOutput);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString('utf8')).slice(-MAX_OUTPUT);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${signal ?? code}: ${words.trim().slice(-500)}`));
    });
    // A program that ends before it has read everything says so by its exit.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

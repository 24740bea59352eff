import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RunOptions {
  /** Set for the program beside what this process has. */
  env?: Record<string, string>;
  /** What the program reads. */
  input?: Readable;
  signal: AbortSignal;
  /** Default 120,000 ms. */
  timeoutMs?: number;
}

/**
 * Runs a program and answers what it wrote to stdout.
 * @throws Error when it fails or takes too long.
 */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<string> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 120_000);
  return new Promise((resolve, reject) => {
    const settings = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    const child = spawn('env', [...settings, program, ...args], {
      stdio: [options.input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([options.signal, timeout]),
    });
    // A program that ends before it has read everything says so by its exit code.
    if (options.input && child.stdin) pipeline(options.input, child.stdin).catch(() => undefined);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${stderr.trim()}`));
    });
  });
}

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BIG_BYTES = 100 * 1024 ** 2;
export const SMALL_FILES = 10_000;
const FOLDERS = 100;
const SMALL_BYTES = 200;

/** What is moved, on the host's disk. */
export interface Workload extends AsyncDisposable {
  /** A file of 100 MiB that no program can compress. */
  big: string;
  /** A folder with 10,000 files of 200 bytes in 100 folders. */
  small: string;
  /** A path for what comes back; the same each time. */
  back: string;
}

export async function makeWorkload(): Promise<Workload> {
  const folder = await mkdtemp(join(tmpdir(), 'banata-bench-files-'));
  const big = join(folder, 'big');
  const small = join(folder, 'small');
  await writeFile(big, randomBytes(BIG_BYTES));
  for (let index = 0; index < FOLDERS; index += 1) {
    await mkdir(join(small, String(index)), { recursive: true });
  }
  for (let index = 0; index < SMALL_FILES; index += 1) {
    await writeFile(join(small, String(index % FOLDERS), String(index)), randomBytes(SMALL_BYTES));
  }
  return {
    big,
    small,
    back: join(folder, 'back'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A tar program of the host's: packs a folder to its output, or unpacks its input. */
export function startTar(mode: 'pack' | 'unpack', folder: string, signal: AbortSignal) {
  const args = mode === 'pack' ? ['-cf', '-', '.'] : ['-xf', '-'];
  const child = spawn('tar', ['-C', folder, ...args], { stdio: ['pipe', 'pipe', 'inherit'], signal });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code}`))));
  });
  ended.catch(() => undefined);
  return { stdin: child.stdin, stdout: child.stdout, ended };
}

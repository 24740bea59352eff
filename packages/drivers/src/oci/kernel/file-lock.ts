import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { declareCall, KernelError } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const RETRY_MS = 50;

const flock = declareCall('flock', 'int flock(int fd, int operation)');

/** A lock that the kernel frees when its owner ends, however it ends. */
export interface FileLock {
  /** Descriptor of the lock. Children that get it as one of theirs hold the lock, too, until they end. */
  readonly fd: number;
  release(): void;
}

/**
 * Takes an exclusive lock on a file, which is made when it is missing.
 * @returns undefined when another process still holds it after `waitMs`.
 */
export async function lockFile(file: string, waitMs: number): Promise<FileLock | undefined> {
  const fd = openSync(file, 'a', 0o600);
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      flock(file, fd, LOCK_EX | LOCK_NB);
      return { fd, release: () => closeSync(fd) };
    } catch (error) {
      if (!(error instanceof KernelError) || error.errno !== 'EAGAIN' || Date.now() >= deadline) {
        closeSync(fd);
        if (error instanceof KernelError && error.errno === 'EAGAIN') return undefined;
        throw error;
      }
    }
    await delay(RETRY_MS);
  }
}

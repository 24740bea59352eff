import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from './lock.ts';

const signal = new AbortController().signal;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('one holder at a time; the next gets it when the first is done', async () => {
  const path = join(folder, 'new/a.lock');
  const first = await takeLock(path, { waitMs: 1_000, signal });
  await expect(takeLock(path, { waitMs: 0, signal })).rejects.toThrow('Another ./banata has held');
  const second = takeLock(path, { waitMs: 10_000, signal });
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
});

test('an abort ends the wait', async () => {
  const path = join(folder, 'a.lock');
  await using _held = await takeLock(path, { waitMs: 1_000, signal });
  const stop = new AbortController();
  const waiting = takeLock(path, { waitMs: 60_000, signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await expect(waiting).rejects.toThrow('enough');
});

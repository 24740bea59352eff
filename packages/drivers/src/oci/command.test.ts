import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test } from 'vitest';

import { commandRunner, runCommand } from './command.ts';
import { lockFile } from './kernel/file-lock.ts';

test('returns what the program prints, and gives it its input', async () => {
  expect(await runCommand('cat', [], { input: 'hello' })).toBe('hello');
});

test('tells why a program failed', async () => {
  await expect(runCommand('sh', ['-c', 'echo no such thing >&2; exit 3'])).rejects.toMatchObject({
    name: 'CommandError',
    exitCode: 3,
    message: expect.stringContaining('failed (3): no such thing') as string,
  });
  await expect(runCommand('banata-no-such-program', [])).rejects.toMatchObject({ exitCode: null });
});

test('kills a program that is late, or aborted', async () => {
  await expect(runCommand('sleep', ['60'], { timeoutMs: 50 })).rejects.toThrow(/did not end within 50 ms/);
  await expect(runCommand('sleep', ['60'], { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await expect(
    runCommand('sleep', ['60'], { signal: AbortSignal.abort(new Error('early')) }),
  ).rejects.toThrow('early');
});

test('does not wait for children that a program leaves behind with its output in a file', async () => {
  const output = openSync('/dev/null', 'w');
  const started = Date.now();
  await runCommand('sh', ['-c', 'sleep 2 &'], { outputFd: output });
  closeSync(output);
  expect(Date.now() - started).toBeLessThan(1_500);
});

test('a program of a command runner holds the lock until it ends', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'banata-lock-'));
  const file = path.join(folder, 'lock');
  try {
    const lock = await lockFile(file, 0);
    if (!lock) throw new Error('the lock of a new file is taken');
    expect(await lockFile(file, 60)).toBeUndefined();
    const program = commandRunner(lock)('sleep', ['0.3']);
    lock.release();
    expect(await lockFile(file, 0)).toBeUndefined();
    await program;
    const next = await lockFile(file, 0);
    expect(next).toBeDefined();
    next?.release();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

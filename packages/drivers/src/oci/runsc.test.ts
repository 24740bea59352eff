import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test } from 'vitest';

import { inspectRunsc, runsc } from './runsc.ts';

const COMMAND = ['runsc', 'run', 'box'] as const;

test('hides the misleading file only where it misleads', () => {
  const plain = runsc('runsc', { version: '20260101.0', confused: false });
  expect(plain.startCommand(COMMAND, '/run/netns/x')).toEqual(COMMAND);
  const wrapped = runsc('runsc', { version: '20240729.0', confused: true }).startCommand(
    COMMAND,
    '/run/netns/x',
  );
  expect(wrapped[0]).toBe('unshare');
  expect(wrapped.slice(-4)).toEqual(['/run/netns/x', ...COMMAND]);
});

test('knows its containers by the files of their state, and removes those of one', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'banata-runsc-'));
  try {
    const kind = runsc('runsc', { version: '', confused: false });
    const [one, other] = ['0123456789ab', 'ba9876543210'];
    for (const name of [one, other])
      for (const end of ['state', 'lock'])
        await writeFile(path.join(root, `${name}_sandbox:${name}.${end}`), '');
    const entries = await readdir(root);
    expect(new Set(entries.map((entry) => kind.containerOf(entry)))).toEqual(new Set([one, other]));
    expect(kind.containerOf('probe-x')).toBeUndefined();
    await kind.forget(one, root, () => Promise.reject(new Error('runs no program')));
    expect(await readdir(root)).toEqual([
      `${other}_sandbox:${other}.lock`,
      `${other}_sandbox:${other}.state`,
    ]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test('answers nothing where the program is missing', async () => {
  expect(await inspectRunsc('/nowhere/runsc', tmpdir())).toBeUndefined();
});

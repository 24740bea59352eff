import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sourceHash } from './source-hash.ts';

let root: string;
const hash = (): Promise<string> => sourceHash(root, ['package', 'lock.json']);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banata-hash-'));
  await mkdir(join(root, 'package/src'), { recursive: true });
  await writeFile(join(root, 'package/src/a.ts'), 'one');
  await writeFile(join(root, 'lock.json'), '{}');
});
afterEach(() => rm(root, { recursive: true }));

test('changes with content, names and the single files', async () => {
  const before = await hash();
  expect(await hash()).toBe(before);
  await writeFile(join(root, 'package/src/a.ts'), 'two');
  const changed = await hash();
  await rename(join(root, 'package/src/a.ts'), join(root, 'package/src/b.ts'));
  const renamed = await hash();
  await writeFile(join(root, 'lock.json'), '{ }');
  expect(new Set([before, changed, renamed, await hash()]).size).toBe(4);
});

test('results, tests and installed packages do not count', async () => {
  const before = await hash();
  for (const name of ['dist', 'node_modules', 'src/testing']) {
    await mkdir(join(root, 'package', name), { recursive: true });
    await writeFile(join(root, 'package', name, 'x.ts'), 'x');
  }
  await writeFile(join(root, 'package/src/a.test.ts'), 'x');
  expect(await hash()).toBe(before);
});

test('where one file ends and the next begins matters', async () => {
  await writeFile(join(root, 'package/src/b.ts'), 'x');
  const before = await hash();
  await writeFile(join(root, 'package/src/a.ts'), 'onex');
  await writeFile(join(root, 'package/src/b.ts'), '');
  expect(await hash()).not.toBe(before);
});

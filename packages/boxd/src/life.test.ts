import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { beginLife, clearDisplays } from './life.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-life-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a box keeps its own state over restarts, and begins anew with the disk of another', async () => {
  await beginLife(folder, 'mine');
  await writeFile(join(folder, 'config.json'), '{}');
  await mkdir(join(folder, 'journal'));
  await beginLife(folder, 'mine');
  expect((await readdir(folder)).toSorted()).toEqual(['config.json', 'journal', 'life']);
  await beginLife(folder, 'another');
  expect(await readdir(folder)).toEqual(['life']);
});

test('a start that was broken off is done again', async () => {
  await writeFile(join(folder, 'config.json'), '{}');
  await beginLife(folder, 'mine');
  expect(await readdir(folder)).toEqual(['life']);
});

test('locks of displays that ran before go, other files stay', async () => {
  await mkdir(join(folder, '.X11-unix'));
  await writeFile(join(folder, '.X1-lock'), '1');
  await writeFile(join(folder, '.Xother'), '');
  await clearDisplays(folder);
  await clearDisplays(join(folder, '.Xother'));
  await clearDisplays(join(folder, 'missing'));
  expect(await readdir(folder)).toEqual(['.Xother']);
});

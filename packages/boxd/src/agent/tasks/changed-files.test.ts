import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { changedFiles } from './changed-files.ts';

let workspace: string;

beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'banata-changed-'));
});
afterEach(() => rm(workspace, { recursive: true, force: true }));

it('names files that were written since, and no others', async () => {
  await writeFile(join(workspace, 'before.txt'), 'old');
  await sleep(20);
  const since = Date.now();
  await sleep(20);
  await mkdir(join(workspace, 'output/node_modules'), { recursive: true });
  await writeFile(join(workspace, 'output/report.md'), 'new');
  await writeFile(join(workspace, 'output/node_modules/left-pad.js'), 'new');
  await symlink('/etc/passwd', join(workspace, 'link'));
  expect(await changedFiles(workspace, since)).toEqual([join(workspace, 'output/report.md')]);
});

it('says nothing about a folder that is gone', async () => {
  expect(await changedFiles(join(workspace, 'gone'), 0)).toEqual([]);
});

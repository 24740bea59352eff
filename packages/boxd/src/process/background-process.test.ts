import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BackgroundProcess } from './background-process.ts';
import { ProcessFiles, type ProcessMeta } from './process-files.ts';

let parent: string;
let files: ProcessFiles;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'banata-process-'));
  files = new ProcessFiles(join(parent, 'one'), 1024);
  await files.create();
});

afterEach(() => rm(parent, { recursive: true, force: true }));

function meta(): ProcessMeta {
  return {
    id: 'one',
    command: 'true',
    args: null,
    cwd: '/workspace',
    user: 'user',
    stdin: true,
    startedAt: 1,
    supervisor: null,
    endedAt: null,
    truncated: false,
    stdinClosed: false,
  };
}

test('its end may be seen by several at once, such as the one who kills it and the one who watches', async () => {
  await writeFile(files.recordPath, 'started 4242\nsignal 9\n');
  const record = { pid: 4242, refused: null, exitCode: null, signal: null, ended: false };
  const found = new BackgroundProcess(files, meta(), record);
  await Promise.all(Array.from({ length: 20 }, () => found.look()));
  await found.ended;
  expect(await found.view()).toMatchObject({ status: 'exited', signal: 'SIGKILL' });
  const kept = JSON.parse(await readFile(join(files.directory, 'meta.json'), 'utf8')) as ProcessMeta;
  expect(kept.endedAt).toBeGreaterThan(1);
});

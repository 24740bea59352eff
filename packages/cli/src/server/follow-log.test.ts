import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { followLog } from './follow-log.ts';

test('writes what is added after the start, up to the last line before the end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'banata-log-'));
  const path = join(folder, 'server.log');
  await writeFile(path, 'old\n');
  const to = new PassThrough();
  let over = false;
  const following = followLog(path, {
    from: 4,
    to,
    isOver: async () => {
      // Added after the end was noticed, as a process does that is just ending.
      if (over) await appendFile(path, 'last\n');
      return over;
    },
  });
  await appendFile(path, 'new\n');
  setTimeout(() => (over = true), 50);
  await following;
  expect((to.read() as Buffer).toString()).toBe('new\nlast\n');
  await rm(folder, { recursive: true });
});

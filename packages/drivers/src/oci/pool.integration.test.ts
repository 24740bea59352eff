import { chmod, mkdtemp, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { runCommand } from './command.ts';
import { Pool } from './pool.ts';
import { resolveSettings } from './settings.ts';

const MIB = 2 ** 20;

let home: string;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-pool-'));
  await chmod(home, 0o711);
});

afterEach(async () => {
  await openPool().remove();
  await rm(home, { recursive: true, force: true });
});

function openPool(bytes = 512 * MIB, reserve: boolean | 'auto' = false): Pool {
  const silent = (): void => undefined;
  const logger = { debug: silent, info: silent, warn: silent, error: silent };
  const { paths } = resolveSettings({
    instanceId: 'pooltt',
    dataDir: path.join(home, 'data'),
    runDir: path.join(home, 'run'),
    imageLayers: ['/usr'],
    boxdDir: '/usr',
    poolBytes: bytes,
    defaultLimits: {
      cpus: 1,
      memoryBytes: 1,
      pids: 1,
      diskBytes: 1,
      openFiles: 1,
      networkBitsPerSecond: 0,
    },
    logger,
  });
  return new Pool({ paths, bytes, reserve, logger, run: runCommand });
}

test('keeps what is in it when it is opened again, mounted or not', async () => {
  const pool = openPool();
  await pool.open();
  await pool.createDisk('aaaaaaaaaaaa', 64 * MIB, { hosts: 'x' });
  await writeFile(path.join(pool.diskPath('aaaaaaaaaaaa'), 'workspace', 'file'), 'kept');
  await openPool().open();
  await runCommand('umount', [path.join(home, 'data', 'pool')]);
  const again = openPool();
  await again.open();
  expect(await again.disks()).toEqual(['aaaaaaaaaaaa']);
  expect(await readFile(path.join(again.diskPath('aaaaaaaaaaaa'), 'workspace', 'file'), 'utf8')).toBe('kept');
  await again.deleteDisk('aaaaaaaaaaaa');
  await again.deleteDisk('aaaaaaaaaaaa');
  expect(await again.disks()).toEqual([]);
});

test('allots its space when it is to be reserved, and refuses what does not fit the host', async () => {
  await openPool(300 * MIB, true).open();
  const { blocks } = await stat(path.join(home, 'data', 'pool.img'));
  expect(blocks * 512).toBeGreaterThanOrEqual(300 * MIB);
  await openPool().remove();
  await expect(openPool(2 ** 50, true).open()).rejects.toMatchObject({
    code: 'HOST_UNSUITABLE',
    message: expect.stringMatching(/Free some space/) as string,
  });
});

test('reserves unasked where the host has room, also for a pool that was made without', async () => {
  await openPool(300 * MIB, false).open();
  const file = path.join(home, 'data', 'pool.img');
  expect((await stat(file)).blocks * 512).toBeLessThan(200 * MIB);
  await runCommand('umount', [path.join(home, 'data', 'pool')]);
  await openPool(300 * MIB, 'auto').open();
  const { bavail, blocks } = await statfs(home);
  // A test machine may be fuller than that.
  if (bavail > blocks * 0.25) expect((await stat(file)).blocks * 512).toBeGreaterThanOrEqual(300 * MIB);
});

test('has no room for another box when those there are need the rest', async () => {
  const pool = openPool();
  await pool.open();
  await pool.checkRoom();
  await pool.createDisk('aaaaaaaaaaaa', 512 * MIB, {});
  const fill = `head -c 600M /dev/urandom >${pool.diskPath('aaaaaaaaaaaa')}/workspace/big; sync -f ${pool.diskPath('aaaaaaaaaaaa')}`;
  await runCommand('sh', ['-c', `${fill} 2>/dev/null; true`], { timeoutMs: 30_000 });
  await expect(pool.checkRoom()).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  await pool.deleteDisk('aaaaaaaaaaaa');
}, 60_000);

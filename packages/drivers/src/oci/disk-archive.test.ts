import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rm,
  symlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { packDisk, unpackDisk } from './disk-archive.ts';

const run = promisify(execFile);
const LIMIT_MS = 25_000;

let home: string;
let disk: string;
let lock: FileHandle;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-archive-'));
  disk = path.join(home, 'disk');
  lock = await open(path.join(home, 'lock'), 'w');
  await Promise.all(['disk/upper', 'disk/workspace', 'target', 'outside'].map((name) => makeFolder(name)));
  await writeFile(path.join(disk, 'workspace', 'file'), 'content');
  await writeFile(path.join(disk, 'image.json'), '{}');
});

afterEach(async () => {
  await lock.close();
  await run('rm', ['-rf', home]);
});

async function makeFolder(name: string): Promise<void> {
  await mkdir(path.join(home, name), { recursive: true });
}

function options(): { lockFd: number; signal: AbortSignal } {
  return { lockFd: lock.fd, signal: AbortSignal.timeout(LIMIT_MS) };
}

/** Unpacks what the disk folder holds by now, packed by hand: whatever names it has. */
async function unpackAsItIs(): Promise<void> {
  const file = path.join(home, 'archive');
  await run('tar', ['--create', '--zstd', '--file', file, '-C', disk, ...(await readdir(disk))]);
  await unpackDisk(createReadStream(file), path.join(home, 'target'), options());
}

test('a disk comes back, without what is the host’s', async () => {
  await writeFile(path.join(disk, 'hosts'), 'of the host');
  await unpackDisk(packDisk(disk, options()), path.join(home, 'target'), options());
  expect((await readdir(path.join(home, 'target'))).toSorted()).toEqual(['image.json', 'upper', 'workspace']);
  expect(await readFile(path.join(home, 'target/workspace/file'), 'utf8')).toBe('content');
});

test.each([
  ['upper', 'outside'],
  ['workspace', 'outside'],
  ['workspace', 'disk/upper'],
  ['image.json', 'outside'],
])('%s as a link to %s is refused', async (part, target) => {
  await rm(path.join(disk, part), { recursive: true });
  await symlink(path.join(home, target), path.join(disk, part));
  await expect(unpackAsItIs()).rejects.toMatchObject({ code: 'CONTENTS_REFUSED' });
  expect(await readdir(path.join(home, 'outside'))).toEqual([]);
});

test('another name beside the parts, or one too few, is refused', async () => {
  await writeFile(path.join(disk, 'hosts'), 'x');
  await expect(unpackAsItIs()).rejects.toMatchObject({ code: 'CONTENTS_REFUSED' });
  await rm(path.join(disk, 'hosts'));
  await rm(path.join(disk, 'image.json'));
  await rm(path.join(home, 'target'), { recursive: true });
  await makeFolder('target');
  await expect(unpackAsItIs()).rejects.toMatchObject({ code: 'CONTENTS_REFUSED' });
});

test('what tar gives up on is refused', async () => {
  const file = path.join(home, 'archive');
  await writeFile(file, 'no archive');
  await expect(
    unpackDisk(createReadStream(file), path.join(home, 'target'), options()),
  ).rejects.toMatchObject({
    code: 'CONTENTS_REFUSED',
  });
});

test('paths that could not be unpacked again are not packed', async () => {
  const step = `mkdir ${'x'.repeat(200)} && cd ${'x'.repeat(200)}`;
  await run('bash', [
    '-c',
    `cd "$1" && for n in {1..21}; do ${step} || exit 1; done`,
    'sh',
    path.join(disk, 'workspace'),
  ]);
  const packed = packDisk(disk, options());
  packed.resume();
  await expect(new Promise((_, reject) => packed.once('error', reject))).rejects.toMatchObject({
    code: 'CONTENTS_REFUSED',
    message: expect.stringMatching(/longer than 4095 bytes/) as string,
  });
  await run('bash', ['-c', 'cd "$1" && rm -rf x*', 'sh', path.join(disk, 'workspace')]);
  await unpackDisk(packDisk(disk, options()), path.join(home, 'target'), options());
});

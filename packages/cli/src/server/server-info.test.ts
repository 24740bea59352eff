import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@banata/config';
import { expect, test } from 'vitest';
import { findServer, isServer, localUrl } from './server-info.ts';
import { endProcess } from './stop-server.ts';

const info = {
  pid: 0,
  apiUrl: 'http://127.0.0.1:1',
  appUrl: 'http://127.0.0.1:1',
  startedAt: 1,
  version: '0',
};

/** A process that looks like a server from outside. */
async function startLookalike(folder: string, script: string): Promise<ReturnType<typeof spawn>> {
  const file = join(folder, 'packages/server/src/main.ts');
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, script);
  const child = spawn('bash', [file, 'serve'], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  return child;
}

test('a pid that belongs to somebody else by now is no server', async () => {
  const home = await mkdtemp(join(tmpdir(), 'banata-home-'));
  const config = loadConfig({ BANATA_HOME: home });
  expect(await findServer(config)).toBeUndefined();
  await mkdir(config.paths.run);
  await writeFile(config.paths.serverInfo, JSON.stringify({ ...info, pid: process.pid }));
  expect(await findServer(config)).toBeUndefined();
  await writeFile(config.paths.serverInfo, '{"pid":');
  expect(await findServer(config)).toBeUndefined();
  await rm(home, { recursive: true });
});

test('a server is found and asked to stop, and killed when it does not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'banata-server-'));
  const polite = await startLookalike(folder, 'echo up; while :; do sleep 0.05; done');
  expect(await endProcess(polite.pid ?? 0, 5_000)).toBe(false);
  expect(await isServer(polite.pid ?? 0)).toBe(false);
  const stubborn = await startLookalike(folder, 'trap "" TERM; echo up; while :; do sleep 0.05; done');
  expect(await isServer(stubborn.pid ?? 0)).toBe(true);
  expect(await endProcess(stubborn.pid ?? 0, 200)).toBe(true);
  expect(await isServer(stubborn.pid ?? 0)).toBe(false);
  await rm(folder, { recursive: true });
});

test('a public URL is not what this machine uses', () => {
  const config = loadConfig({
    BANATA_PUBLIC_URL: 'https://boxes.example',
    BANATA_HOST: '0.0.0.0',
    BANATA_PORT: '7171',
  });
  expect(localUrl(config, info)).toBe('http://127.0.0.1:7171');
  expect(localUrl(loadConfig({}), info)).toBe(info.apiUrl);
});

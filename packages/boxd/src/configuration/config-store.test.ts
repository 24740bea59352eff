import type { BoxConfig } from '@banata/protocol/box';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigStore } from './config-store.ts';

const config = (sandboxId: string): BoxConfig => ({
  sandboxId,
  runtime: 'base',
  env: { A: '1' },
  browser: null,
  agent: null,
});

describe('ConfigStore', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'banata-config-'));
    path = join(directory, 'config.json');
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('takes one configuration and refuses another, also after a restart', async () => {
    const store = new ConfigStore(path);
    expect(store.load()).toBeNull();
    expect(await store.save(config('a'))).toBe(true);
    expect(await store.save(config('a'))).toBe(false);
    await expect(store.save(config('b'))).rejects.toMatchObject({ status: 409, code: 'ALREADY_CONFIGURED' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);

    const next = new ConfigStore(path);
    expect(next.load()).toEqual(config('a'));
    expect(await next.save(config('a'))).toBe(false);
    await expect(next.save(config('b'))).rejects.toMatchObject({ code: 'ALREADY_CONFIGURED' });
  });

  test('lets one of two at the same time win', async () => {
    const store = new ConfigStore(path);
    const results = await Promise.allSettled([store.save(config('a')), store.save(config('b'))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(store.current).toEqual(config('a'));
  });

  test('does not start on a file it cannot understand', async () => {
    await writeFile(path, '{"sandboxId":1}');
    expect(() => new ConfigStore(path).load()).toThrow('sandboxId');
  });
});

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { boxDirectory } from './index.ts';

const run = promisify(execFile);

/** Flags of Node that `boxd-init` starts the daemon with. */
async function flags(): Promise<string[]> {
  const script = await readFile(join(boxDirectory, 'bin/boxd-init'), 'utf8');
  const [, words] = /\/node (.*) \/opt\/banata\/lib\/boxd\.cjs/.exec(script) ?? [];
  return words?.split(' ') ?? [];
}

/** Loads the code that the daemon starts with, from the folder `lib`, without starting it, and goes on with `then`. */
async function load(lib: string, then: string): Promise<{ stdout: string; stderr: string }> {
  const daemon = (await readdir(lib)).find((name) => /^daemon-.*\.cjs$/.test(name));
  const program = `
    require('node:module').enableCompileCache({ directory: '${lib}/compile-cache', portable: true });
    require('${lib}/${daemon}');
    ${then}`;
  const env = { ...process.env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE', NODE_COMPILE_CACHE: undefined };
  return await run(process.execPath, [...(await flags()), '-e', program], { env, timeout: 60_000 });
}

test('what the daemon starts with was compiled when it was built, wherever it lies', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'banata-boxd-lib-'));
  try {
    await cp(join(boxDirectory, 'lib'), elsewhere, { recursive: true });
    const { stdout, stderr } = await load(elsewhere, '');
    const lines = (stdout + stderr).split('\n').filter((line) => line.includes(`${elsewhere}/`));
    const about = (words: string): string[] => lines.filter((line) => line.includes(words));
    expect(about('was accepted').length).toBeGreaterThan(1);
    expect(about('was rejected')).toEqual([]);
    expect(about('not initialized')).toEqual([]);
  } finally {
    await rm(elsewhere, { recursive: true, force: true });
  }
});

test('the start loads nothing that only other parts need', async () => {
  const { stdout } = await load(
    join(boxDirectory, 'lib'),
    'console.log(JSON.stringify(process.moduleLoadList));',
  );
  const list = stdout.split('\n').find((line) => line.startsWith('["'));
  const modules = JSON.parse(list ?? '[]') as string[];
  expect(modules).toContain('NativeModule http');
  for (const name of ['https', 'tls', 'zlib', 'inspector', 'internal/deps/undici/undici'])
    expect(modules).not.toContain(`NativeModule ${name}`);
});

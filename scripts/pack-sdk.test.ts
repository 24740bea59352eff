import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packSdk } from './pack-sdk.ts';

const run = promisify(execFile);
const STEP_MS = 240_000;
/** A user's project imports it; no part of this one does. */
const name = '@banata-boxes/sdk';
let project: string;

/** A project of a user: the package and nothing else. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'banata-pack-sdk-'));
  const archive = await packSdk(project);
  const home = join(project, 'node_modules/@banata-boxes/sdk');
  await mkdir(home, { recursive: true });
  await run('tar', ['xf', archive, '-C', home, '--strip-components=1']);
}, STEP_MS);

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

const use = `
try { new BanataSandbox({ apiKey: '' }); } catch (error) {
  console.log(error instanceof BanataError, error.code, typeof BrowserCloud, typeof verifyWebhook);
}`;

test.each([
  [
    'require',
    'use.cjs',
    `const { BanataSandbox, BanataError, BrowserCloud, verifyWebhook } = require('${name}');`,
  ],
  ['import', 'use.mjs', `import { BanataSandbox, BanataError, BrowserCloud, verifyWebhook } from '${name}';`],
])('the packed client works with %s', async (_way, file, line) => {
  await writeFile(join(project, file), line + use);
  const { stdout } = await run(process.execPath, [join(project, file)]);
  expect(stdout).toBe('true INVALID_ARGUMENT function function\n');
});

test(
  'its types need no other package, and are the real ones',
  async () => {
    await writeFile(
      join(project, 'use.ts'),
      `import { BanataSandbox, type CreateOptions, type ExecResult } from '${name}';
export async function main(): Promise<number | null> {
  const options: CreateOptions = { capabilities: { browser: { viewport: { width: 1280, height: 800 } } } };
  const sandbox = await new BanataSandbox({ apiKey: 'br_live_x' }).launch(options);
  const result: ExecResult = await sandbox.exec('true');
  // @ts-expect-error There is no such field.
  console.log(result.nope);
  // @ts-expect-error There is no such runtime.
  await new BanataSandbox({ apiKey: 'br_live_x' }).launch({ runtime: 'ruby' });
  return result.exitCode;
}
`,
    );
    const tsc = join(import.meta.dirname, '../node_modules/typescript/bin/tsc');
    const lib = ['--target', 'es2022', '--lib', 'es2022,dom,dom.iterable,esnext.disposable', '--types', ''];
    // Looking through the declarations themselves takes many seconds.
    const skip = process.env['BANATA_TEST_ALL'] === '1' ? [] : ['--skipLibCheck'];
    const options = ['--noEmit', '--strict', '--module', 'nodenext', ...lib, ...skip, 'use.ts'];
    const { stdout } = await run(process.execPath, [tsc, ...options], { cwd: project });
    expect(stdout).toBe('');
  },
  STEP_MS,
);

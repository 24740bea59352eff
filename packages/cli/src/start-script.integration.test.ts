import { spawn } from 'node:child_process';
import { appendFile, chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const checkout = join(import.meta.dirname, '../../..');

/** Stands for the registry's end: puts a "node" there that tells how it was called. */
const NPM = `#!/bin/sh
while [ "$1" != --prefix ]; do shift; done
cd "$2" || exit 1
echo call >>npm-calls
sleep "$(cat npm-seconds)"
[ -e npm-broken ] && { echo "the registry is down"; exit 1; }
mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho "ran $*"\\n' >node_modules/.bin/node
chmod +x node_modules/.bin/node
`;

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banata-start-'));
  for (const file of [
    'banata',
    'scripts/apt-packages.txt',
    'packages/cli/src/help.txt',
    'package-lock.json',
  ]) {
    await cp(join(checkout, file), join(root, file));
  }
  await mkdir(join(root, 'bin'));
  await writeFile(join(root, 'bin/npm'), NPM);
  await chmod(join(root, 'bin/npm'), 0o755);
  await writeFile(join(root, 'npm-seconds'), '0');
});
afterEach(() => rm(root, { recursive: true, force: true }));

function start(
  args: string[],
  options: { wrap?: string[]; interruptAfterMs?: number } = {},
): Promise<Result> {
  const [program = '', ...rest] = [...(options.wrap ?? []), join(root, 'banata'), ...args];
  const child = spawn(program, rest, {
    env: { PATH: `${join(root, 'bin')}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  if (options.interruptAfterMs !== undefined)
    setTimeout(() => child.kill('SIGINT'), options.interruptAfterMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 128, ...output }));
  });
}

async function npmCalls(): Promise<number> {
  return (await readFile(join(root, 'npm-calls'), 'utf8').catch(() => '')).split('\n').length - 1;
}

test('the help needs nothing and shows an example', async () => {
  const { code, stdout } = await start([]);
  expect(code).toBe(0);
  expect(stdout).toContain('Example\n  ./banata quickstart --demo');
  expect(await npmCalls()).toBe(0);
});

test('the first run sets up and runs the command line; the next ones do not set up again', async () => {
  const first = await start(['status', '--json', 'a b']);
  expect(first).toMatchObject({
    code: 0,
    stdout: `ran ${root}/packages/cli/src/main.ts status --json a b\n`,
  });
  expect(first.stderr).toContain('npm ci: done');
  expect(await start(['status'])).toMatchObject({ code: 0, stderr: '' });
  expect(await npmCalls()).toBe(1);
});

test('a changed lock file is installed', async () => {
  await start(['status']);
  await appendFile(join(root, 'package-lock.json'), '\n');
  expect((await start(['status'])).code).toBe(0);
  expect(await npmCalls()).toBe(2);
});

test('of several that start at once one sets up, and all of them work', async () => {
  await writeFile(join(root, 'npm-seconds'), '1');
  const results = await Promise.all([1, 2, 3].map(() => start(['status'])));
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(results.filter(({ stderr }) => stderr.includes('Waiting for another'))).toHaveLength(2);
  expect(await npmCalls()).toBe(1);
});

test('a failure shows its cause, names the log, and the next run tries again', async () => {
  await writeFile(join(root, 'npm-broken'), '');
  const { code, stderr } = await start(['status']);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /the registry is down[\s\S]*npm ci failed\.\n {2}→ The whole output is in .*\/setup\.log/,
  );
  await rm(join(root, 'npm-broken'));
  expect((await start(['status'])).code).toBe(0);
});

test('after Ctrl-C the same command works', async () => {
  await writeFile(join(root, 'npm-seconds'), '30');
  const began = performance.now();
  const { code, stderr } = await start(['status'], { interruptAfterMs: 800 });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(code).toBe(130);
  expect(stderr).toContain('the same command goes on from here');
  await writeFile(join(root, 'npm-seconds'), '0');
  expect((await start(['status'])).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(15_000);
});

test('another system than Debian or Ubuntu is refused by name', async () => {
  const release = join(root, 'os-release');
  await writeFile(release, 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=42\n');
  const wrap = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `mount --bind ${release} /etc/os-release && exec "$@"`,
    'sh',
  ];
  const { code, stderr } = await start(['up'], { wrap });
  expect(code).toBe(1);
  expect(stderr).toContain(
    'this machine runs "fedora"; Banata needs Debian 12 or newer, or Ubuntu 22.04 or newer',
  );
});

test('an old Debian is refused', async () => {
  const release = join(root, 'os-release');
  await writeFile(release, 'ID=debian\nVERSION_ID="11"\n');
  const wrap = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `mount --bind ${release} /etc/os-release && exec "$@"`,
    'sh',
  ];
  expect((await start(['up'], { wrap })).stderr).toContain(
    'Debian 11 is too old.\n  → Use Debian 12 or newer.',
  );
});

test('somebody else than root is told how to call it', async () => {
  await chmod(root, 0o755);
  const wrap = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const { code, stderr } = await start(['up', '--detach'], { wrap });
  expect(code).toBe(1);
  expect(stderr).toContain('this needs root');
  expect(stderr).toContain('→ Run: sudo ./banata up --detach');
});

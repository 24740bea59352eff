import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadConfig } from '@banata/config';
import type { CliContext } from '../context.ts';
import { runServerCommand } from '../server/server-command.ts';
import { killProcessesOf } from './test-processes.ts';

const run = promisify(execFile);

/** All users may enter the folders above. */
const PARENT = '/var/lib';
const NAME = /^banata-(?:test|bench)-(\d+)-\w{6}$/;
/** Homes and boxes lie at most this deep in a test folder. */
const DEPTH = 3;
const COMMAND_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
const POLL_MS = 50;
/** Namespaces that tests of the driver make, by the number of their process. */
const OUTSIDE_NETWORK = /^bntest\d+$/;
/** Namespaces of end-to-end tests, named in a file `network` of their folder. */
const FAKE_INTERNET = /^bnfi[0-9a-f]{1,4}$/;

/** Makes the folder of a run, with a `tmp` in it; its name tells which process works with it. */
export async function makeTestFolder(name: 'test' | 'bench'): Promise<string> {
  await mkdir(PARENT, { recursive: true });
  const folder = await mkdtemp(join(PARENT, `banata-${name}-${process.pid}-`));
  // The users of the database and of the boxes pass through it.
  await chmod(folder, 0o711);
  await mkdir(join(folder, 'tmp'));
  await chmod(join(folder, 'tmp'), 0o1777);
  return folder;
}

/** Removes what runs that were killed have left. */
export async function removeLeftFolders(context: CliContext): Promise<void> {
  for (const name of await readdir(PARENT)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || (await isRun(pid))) continue;
    const folder = join(PARENT, name);
    await context.output.step(`Removing what a run that was killed left in ${folder}`, () =>
      removeTestFolder(context, folder),
    );
  }
}

/** Whether the process is a run of tests; its number may belong to somebody else by now. */
async function isRun(pid: string): Promise<boolean> {
  const args = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return args.includes('packages/cli/src/main.ts');
}

/**
 * Takes a run off the machine, wherever it was when it ended: its processes, installations, boxes, mounts and the
 * folder itself.
 */
export async function removeTestFolder(context: CliContext, folder: string): Promise<void> {
  // The signal that stopped the work must not stop the tidying.
  const own = { ...context, signal: new AbortController().signal };
  // A database that is killed leaves shared memory behind.
  await killProcessesOf(folder, (args) => args.includes('/bin/postgres\0'));
  for (const { path, contents } of await foldersIn(folder, DEPTH)) {
    try {
      if (contents.includes('subject.json')) await purgeDriver(own, path);
      if (contents.includes('runc')) await endContainers(path);
      if (contents.includes('network')) await removeFakeInternet(path);
      if (contents.includes('postgres') || contents.includes('oci')) await removeInstallation(own, path);
      else if (contents.includes('data') && contents.includes('socket')) await stopDatabase(path);
    } catch (error) {
      // The rest is tidied up all the same.
      context.output.note(
        `  could not tidy up ${path}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  await killProcessesOf(folder, () => false);
  await removeOutsideNetworks();
  await unmountBelow(folder);
  await rm(folder, { recursive: true, force: true });
}

async function foldersIn(folder: string, depth: number): Promise<{ path: string; contents: string[] }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = depth === 0 ? [] : entries.filter((entry) => entry.isDirectory());
  const nested = await Promise.all(below.map(({ name }) => foldersIn(join(folder, name), depth - 1)));
  return [{ path: folder, contents: entries.map(({ name }) => name) }, ...nested.flat()];
}

async function removeInstallation(context: CliContext, home: string): Promise<void> {
  const env = { ...context.env, BANATA_HOME: home, BANATA_SUBNET: undefined, DATABASE_URL: undefined };
  const own = { ...context, env, config: loadConfig(env) };
  await Promise.all([runServerCommand(own, 'purge'), runServerCommand(own, 'stop-database')]);
}

/** A test's installations of the driver alone. */
async function purgeDriver(context: CliContext, home: string): Promise<void> {
  const script = join(context.root, 'packages/drivers/src/oci/testing/purge-subject.ts');
  await run(process.execPath, [script, home], { timeout: COMMAND_LIMIT_MS });
}

/** Containers that a test started without a driver; their runtime's state lies in `runc`. */
async function endContainers(folder: string): Promise<void> {
  const root = join(folder, 'runc');
  for (const name of await readdir(root)) {
    for (const runtime of ['runc', 'runsc']) {
      // Only one of the two knows it.
      await run(runtime, ['--root', root, 'delete', '--force', name], { timeout: COMMAND_LIMIT_MS }).catch(
        () => undefined,
      );
    }
  }
}

/** A database without a server of ours. */
async function stopDatabase(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'data/postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  const isPostgres = async (): Promise<boolean> =>
    (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(folder);
  if (pid === 0 || !(await isPostgres())) return;
  // PostgreSQL's fast shutdown.
  process.kill(pid, 'SIGINT');
  for (let waited = 0; waited < STOP_LIMIT_MS && (await isPostgres()); waited += POLL_MS)
    await sleep(POLL_MS);
}

async function removeFakeInternet(folder: string): Promise<void> {
  const name = await readFile(join(folder, 'network'), 'utf8');
  if (FAKE_INTERNET.test(name)) await removeNetwork(name);
}

async function removeNetwork(name: string): Promise<void> {
  for (const kind of ['link', 'netns']) {
    // Either may be gone already.
    await run('ip', [kind, 'delete', name], { timeout: COMMAND_LIMIT_MS }).catch(() => undefined);
  }
}

async function removeOutsideNetworks(): Promise<void> {
  const names = await readdir('/run/netns').catch(() => []);
  for (const name of names.filter((one) => OUTSIDE_NETWORK.test(one))) {
    if (!(await exists(`/proc/${name.slice('bntest'.length)}`))) await removeNetwork(name);
  }
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of mounts.toReversed()) await run('umount', ['-l', point], { timeout: COMMAND_LIMIT_MS });
}

async function exists(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}

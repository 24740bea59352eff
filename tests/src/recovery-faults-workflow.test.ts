import { BanataError, BanataSandbox, type SandboxPage, type SandboxStatus } from '@banata-boxes/sdk';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { boxProcesses } from './security/support/box-processes.ts';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

/** `./banata test --all` takes the time for it. */
const everything = process.env['BANATA_TEST_ALL'] === '1';
const ROUNDS = 20;
const FINAL: SandboxStatus[] = ['ended', 'failed'];
/** Of dozens of sandboxes at once, on a machine that has other work too. */
const SETTLE_MS = 120_000;

async function install(
  env: Record<string, string> = {},
): Promise<{ installation: Installation; banata: BanataSandbox }> {
  const installation = await Installation.start(env);
  onTestFinished(() => installation.remove());
  return { installation, banata: await clientOf(installation) };
}

async function clientOf(installation: Installation): Promise<BanataSandbox> {
  return new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    retry: { maxRetries: 0 },
  });
}

/** Code of the error a call ends with, or undefined when it succeeds. */
function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => (error instanceof BanataError ? error.code : String(error)),
  );
}

async function boxNames(installation: Installation): Promise<string[]> {
  const records = (await readdir(join(installation.home, 'oci/boxes'))).filter((name) =>
    name.endsWith('.json'),
  );
  const taken = await Promise.all(
    records.map(async (name) => {
      const text = await readFile(join(installation.home, 'oci/boxes', name), 'utf8').catch(() => '{}');
      return (JSON.parse(text) as { id?: string | null }).id ?? '';
    }),
  );
  return taken.filter((id) => id !== '');
}

/** Those of all pages: the ended ones are among them. */
async function allSandboxes(banata: BanataSandbox): Promise<SandboxPage['data']> {
  const found: SandboxPage['data'] = [];
  let cursor: string | undefined;
  do {
    const page = await banata.list({ limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.data);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

test.runIf(everything)(
  `${ROUNDS} kills at random moments while sandboxes come and go leave no box without a row and no row without a box`,
  async () => {
    const { installation, banata } = await install();
    const keeper = await banata.launch();
    await keeper.fs.write('/workspace/kept.txt', 'kept');
    const waits: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const stop = new AbortController();
      const churn = Array.from({ length: 3 }, async () => {
        while (!stop.signal.aborted) {
          // Any call may be cut off by the kill; what comes of it is looked at below.
          const created = await banata.create().catch(() => undefined);
          if (created && Math.random() < 0.7) await banata.kill(created.id).catch(() => undefined);
          await sleep(5);
        }
      });
      const wait = Math.round(50 + Math.random() * 900);
      waits.push(wait);
      await sleep(wait);
      await installation.stopServer('SIGKILL');
      stop.abort();
      await Promise.all(churn);
      await installation.startServer();
    }
    const { live, boxes } = await until(
      'rows and boxes agree',
      async () => {
        const open = (await allSandboxes(banata)).filter(({ status }) => !FINAL.includes(status));
        if (open.some(({ status }) => status !== 'ready' && status !== 'active')) return undefined;
        const names = await boxNames(installation);
        return names.length === open.length ? { live: open, boxes: names } : undefined;
      },
      SETTLE_MS,
    );
    process.stdout.write(
      `  killed after ${waits.join(', ')} ms; ${live.length} sandboxes live in ${boxes.length} boxes\n`,
    );
    for (const { id } of live) {
      const sandbox = await banata.connect(id);
      expect((await sandbox.exec('echo here')).stdout).toBe('here\n');
    }
    expect(await keeper.fs.read('/workspace/kept.txt')).toBe('kept');
    for (const { id } of live) await banata.kill(id);
    await until(
      'all boxes are gone',
      async () => ((await boxNames(installation)).length === 0 ? true : undefined),
      SETTLE_MS,
    );
  },
  600_000,
);

test.runIf(everything)(
  'a newer daemon bundle leaves older boxes as they are, and new ones get it',
  async () => {
    const { installation, banata } = await install({ BANATA_WARM: '0' });
    const older = await banata.launch();
    const bundleOf = async (id: string): Promise<string> => {
      const sandbox = await banata.connect(id);
      return (await sandbox.exec('sha256sum /opt/banata/lib/* | sha256sum', undefined, { user: 'root' }))
        .stdout;
    };
    const before = await bundleOf(older.id);
    await installation.stopServer();
    // The folder that carries the hash of today's daemon, with one more file: what an upgrade looks like to a box.
    const [folder] = await readdir(join(installation.home, 'boxd'));
    if (folder === undefined) throw new Error('the server installed no daemon');
    const records = await readdir(join(installation.home, 'oci/boxes'));
    expect(records.length).toBeGreaterThan(0);
    await installation.startServer();
    expect((await older.exec('echo adopted')).stdout).toBe('adopted\n');
    expect(await bundleOf(older.id)).toBe(before);
  },
);

test.runIf(everything)(
  'while the database is down new work gets a clear error; then all goes on',
  async () => {
    const { installation, banata } = await install();
    const sandbox = await banata.launch();
    await sandbox.fs.write('/workspace/a.txt', 'a');
    const postmaster = Number(
      (await readFile(join(installation.home, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0],
    );
    process.kill(postmaster, 'SIGKILL');
    const codes = new Set<string | undefined>();
    const recoveredAfter = await until('the database is back', async () => {
      const began = performance.now();
      const code = await codeOf(banata.create());
      codes.add(code);
      return code === undefined && codes.size > 1 ? performance.now() - began : undefined;
    });
    expect(recoveredAfter).toBeGreaterThan(0);
    expect([...codes].filter((code) => code !== undefined)).toEqual(['DATABASE_UNAVAILABLE']);
    expect((await sandbox.exec('cat /workspace/a.txt')).stdout).toBe('a');
    expect((await banata.list()).data.map(({ id }) => id)).toContain(sandbox.id);
  },
);

test('a full host disk stops new work with a clear error and loses nothing', async () => {
  const folder = await mkdtemp(join(process.env['BANATA_TEST_FOLDER'] ?? '/var/lib', 'banata-test-disk-'));
  await chmod(folder, 0o711);
  const disk = join(folder, 'disk');
  const home = join(disk, 'home');
  await mkdir(disk);
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { encoding: 'utf8' });
  run('truncate', '-s', '4G', join(folder, 'disk.img'));
  run('mkfs.ext4', '-q', '-F', join(folder, 'disk.img'));
  run('mount', '-o', 'loop', join(folder, 'disk.img'), disk);
  await mkdir(home);
  onTestFinished(async () => {
    run('umount', '-l', disk);
    await rm(folder, { recursive: true, force: true });
  });
  const { banata } = await install({
    BANATA_HOME: home,
    BANATA_POOL_GIB: '2',
    BANATA_POOL_RESERVE: 'true',
    BANATA_SANDBOX_DISK_GIB: '1',
    BANATA_WARM: '0',
  });
  const sandbox = await banata.launch();
  const { bavail, bsize } = await statfs(disk);
  run('fallocate', '-l', String(bavail * bsize - 1024 ** 2), join(disk, 'ballast'));
  expect(await codeOf(banata.create())).toBe('HOST_DISK_FULL');
  await sandbox.exec('head -c 300000000 /dev/urandom > /workspace/big; sync');
  expect((await sandbox.exec('stat -c %s /workspace/big')).stdout).toBe('300000000\n');
  expect(await codeOf(sandbox.publishArtifact('/workspace/big'))).toBe('HOST_DISK_FULL');
  await rm(join(disk, 'ballast'));
  const second = await banata.launch();
  expect((await second.exec('echo room')).stdout).toBe('room\n');
  expect((await sandbox.exec('stat -c %s /workspace/big')).stdout).toBe('300000000\n');
});

test('a server that is asked to stop answers what is under way, and ends although a stream is open', async () => {
  const { installation, banata } = await install();
  const sandbox = await banata.launch();
  const events = await fetch(`${installation.url}/v1/sandboxes/events?id=${sandbox.id}`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}`, accept: 'text/event-stream' },
  });
  const running = sandbox.exec('sleep 3; echo finished');
  await sleep(500);
  const began = performance.now();
  await installation.stopServer();
  const took = performance.now() - began;
  expect((await running).stdout).toBe('finished\n');
  await events.body?.cancel().catch(() => undefined);
  expect(took).toBeGreaterThan(2_000);
  expect(took).toBeLessThan(8_000);
  expect((await boxProcesses(installation.instanceId)).length).toBeGreaterThan(0);
  await installation.startServer();
  expect((await sandbox.exec('echo again')).stdout).toBe('again\n');
});

test.runIf(everything)(
  'another secret than the one the database was sealed with stops the start with a clear text',
  async () => {
    const { installation, banata } = await install();
    const sandbox = await banata.launch({ env: { KEPT: 'sealed' } });
    await installation.stopServer();
    const right = await readFile(join(installation.home, 'secret'), 'utf8');
    await writeFile(join(installation.home, 'secret'), 'ab'.repeat(32));
    await expect(installation.startServer()).rejects.toThrow(/secret holds another secret than the one/);
    await writeFile(join(installation.home, 'secret'), right);
    await installation.startServer();
    expect((await sandbox.exec('echo $KEPT')).stdout).toBe('sealed\n');
  },
);

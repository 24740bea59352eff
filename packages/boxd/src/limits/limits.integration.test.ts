import { boxUsageSchema, type BoxEvent, type BoxExecResult } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { boxDirectory } from '../index.ts';
import { testRuntimes } from '../testing/test-runtimes.ts';
import { startImageBox, type ImageBox, type ImageBoxOptions } from '../testing/image-box.ts';
import { imageLayers } from '../testing/image-layers.ts';

const MIB = 1024 * 1024;
const limits = { cpus: 1, memoryBytes: 512 * MIB, pids: 256, diskBytes: 64 * MIB };

let box: ImageBox;

afterEach(async () => {
  await box?.close();
});

async function start(options: Partial<ImageBoxOptions> = {}): Promise<void> {
  box = await startImageBox({
    layers: imageLayers(process.env),
    boxDirectory,
    memoryBytes: limits.memoryBytes,
    pids: limits.pids,
    ...options,
  });
  await box.send('PUT', '/config', {
    sandboxId: 's1',
    runtime: 'base',
    env: {},
    browser: null,
    agent: null,
    limits,
  });
}

async function exec(command: string, timeoutMs = 20_000): Promise<BoxExecResult> {
  const { status, body } = await box.send('POST', '/exec', { command, timeoutMs });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body as unknown as BoxExecResult;
}

/** Waits for an event about a limit and answers its detail. */
async function reached(limit: string, limitMs = 10_000): Promise<string> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), limitMs);
  const response = await box.fetch('/events?after=0', { signal: controller.signal });
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      for (const [, data = ''] of text.matchAll(/^data: (.*)\n/gm)) {
        const { body } = JSON.parse(data) as BoxEvent;
        if (body.type === 'limit.reached' && body.data.limit === limit) return body.data.detail;
      }
    }
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
  throw new Error(`The events ended without one about ${limit}: ${text}`);
}

const alive = async (): Promise<void> => {
  const startedAt = performance.now();
  expect(await exec('echo alive')).toMatchObject({ stdout: 'alive\n', exitCode: 0 });
  expect(performance.now() - startedAt).toBeLessThan(3000);
};

const daemonStarts = async (): Promise<number> => (await box.log()).match(/boxd\.listening/g)?.length ?? 0;

describe.each(testRuntimes(process.env))('a box that reaches its limits (%s)', (runtime) => {
  test('a program that takes all memory is ended, alone, and an event says so', async () => {
    await start({ runtime });
    await exec('sleep 300 & echo started');
    const bomb = `python3 -c 'x = []\nwhile True: x.append(bytearray(8 * 1024 * 1024))'`;
    expect(await exec(`${bomb}; echo $?`)).toMatchObject({ stdout: '137\n' });
    await alive();
    expect(await reached('memory')).toMatch(
      runtime === 'runc' ? /killed 1 process since/ : /^python3 of \d+ MiB was ended/,
    );
    expect((await exec('pgrep -c sleep')).stdout).toBe('1\n');
    expect(await daemonStarts()).toBe(1);
  });

  test('many programs that take all memory together leave the box alive', async () => {
    await box?.close();
    await start({ runtime, memoryBytes: 1024 * MIB });
    const many = `for i in $(seq 30); do python3 -c 'x = bytearray(60 * 1024 * 1024)\nimport time; time.sleep(3)' & done; wait; echo done`;
    const { stdout } = await exec(many);
    // gVisor has no killer of its own: what looks after its programs may have to end all of them, their shell included.
    expect(stdout).toMatch(runtime === 'runc' ? /^done\n$/ : /^(done\n)?$/);
    await reached('memory');
    await sleep(1000);
    await alive();
    expect(await daemonStarts()).toBe(1);
  });

  test('a program that takes much memory at once, but no more than there is, is left alone', async () => {
    await start({ runtime });
    const much = `python3 -c 'import time\nx = bytearray(250 * 1024 * 1024)\ntime.sleep(1)'`;
    expect(await exec(`sleep 300 & ${much} && echo whole; jobs -r | grep -c sleep`)).toMatchObject({
      stdout: 'whole\n1\n',
    });
    await alive();
  });

  test.each([
    ['in one session', 'f() { f | f & }; f', 'f() { f | f & }; f; sleep 60'],
    [
      'in sessions of their own',
      'f() { for i in 1 2; do setsid bash -c "$(declare -f f); f" & done; }; f',
      'f() { for i in 1 2; do setsid bash -c "$(declare -f f); f" & done; }; f; sleep 60',
    ],
  ])('a fork bomb %s ends, waited for or not', { timeout: 180_000 }, async (_, background, foreground) => {
    await start({ runtime });
    expect(await exec(foreground, 2000)).toMatchObject({ timedOut: true });
    await alive();
    await exec(background);
    // gVisor, and a busy machine, are slow with many programs that all want to run.
    const limitMs = 60_000;
    expect(await reached('pids', limitMs)).toMatch(
      /programs that nobody waited for|were in use|nearly used up|So many processes wanted/,
    );
    for (const deadline = performance.now() + limitMs; performance.now() < deadline; await sleep(200)) {
      const { body } = await box.send('POST', '/exec', {
        command: 'ps axo user= | grep -c user',
        timeoutMs: 5000,
      });
      if (Number.parseInt(String(body['stdout']), 10) < 6) break;
    }
    await alive();
    expect(await daemonStarts()).toBe(1);
  });

  test('a flood of open files stays with its program', async () => {
    await start({ runtime });
    const flood = `python3 -c '
import os
n = 0
try:
    while True: os.open("/dev/null", 0); n += 1
except OSError as error: print(n > 100, error.strerror)'`;
    expect((await exec(`for i in 1 2 3; do ${flood} & done; wait`)).stdout).toBe(
      'True Too many open files\n'.repeat(3),
    );
    await alive();
  });

  test('shows what it may use and uses', async () => {
    await start({ runtime });
    await exec(`python3 -c 'import time; x = bytearray(60 * 1024 * 1024); time.sleep(30)' & sleep 0.5`);
    const usage = boxUsageSchema.parse(JSON.parse((await exec('banata-limits --json')).stdout));
    expect(usage).toMatchObject({
      cpus: { limit: 1 },
      memoryBytes: { limit: limits.memoryBytes },
      pids: { limit: 256 },
      diskBytes: { limit: limits.diskBytes },
    });
    expect(usage.memoryBytes.used).toBeGreaterThan(60 * MIB);
    expect(usage.pids.used).toBeGreaterThan(5);
    expect(usage.openFiles.limit).toBeGreaterThan(1000);
    const { stdout } = await exec('banata-limits; ulimit -c');
    expect(stdout).toMatch(
      /^cpus +1\b.*\nmemory .* of 512 MiB\nprocesses .* of 256\ndisk .* of 64 MiB\nopen files .*\noutput +64 MiB of each stream of a command\n0\n$/,
    );
    expect(await exec('banata-limits --what')).toMatchObject({ exitCode: 2 });
    const answer = await (await box.fetch('/limits')).json();
    expect(boxUsageSchema.parse(answer).pids.limit).toBe(256);
  });
});

describe('a box with a full disk', () => {
  test('tells the program and its caller, goes on taking commands, and says so in an event', async () => {
    await start({ diskBytes: limits.diskBytes });
    await reserved();
    const filled = await exec('head -c 200M /dev/urandom >big; echo $? >&2; false');
    expect(filled).toMatchObject({ exitCode: 1 });
    expect(filled.stderr).toContain('the disk of the sandbox is full');
    expect(await reached('disk')).toContain('The disk of the sandbox is full');
    // Its output has a place, also when it is longer than that.
    const listed = await exec('ls -l big; head -c 3M /dev/zero; echo end >&2');
    expect(listed.stdout).toMatch(/^-rw-r--r-- 1 user user \d{8} /);
    expect(listed.stderr).toBe('end\n');
    const { status, body } = await put('more', Buffer.alloc(4 * MIB, 'x'));
    expect({ status, body }).toMatchObject({ status: 507, body: { code: 'DISK_FULL' } });
    await alive();
    expect(await exec('rm big && sync && echo fine >small && cat small')).toMatchObject({ stdout: 'fine\n' });
    expect((await put('more', Buffer.alloc(4 * MIB, 'x'))).status).toBe(200);
    const usage = boxUsageSchema.parse(JSON.parse((await exec('banata-limits --json')).stdout));
    expect(usage.diskBytes.used).toBeGreaterThan(4 * MIB);
    expect(usage.diskBytes.used).toBeLessThan(16 * MIB);
  });

  test(
    'says so in an event also where the program that filled it tells nobody',
    { timeout: 90_000 },
    async () => {
      await start({ diskBytes: limits.diskBytes });
      await reserved();
      const quiet = '(head -c 200M /dev/urandom >big) >/dev/null 2>&1 &';
      expect(await exec(quiet)).toMatchObject({ exitCode: 0 });
      expect(await reached('disk', 45_000)).toContain('The disk of the sandbox is full');
      await alive();
    },
  );

  test.runIf(process.env['BANATA_TEST_ALL'] === '1')('bears a flood of small files', async () => {
    await start({ diskBytes: limits.diskBytes });
    const flood = `python3 -c '
import os
n = 0
try:
    while n < 400000:
        n += 1
        with open("f%d" % n, "w") as f: f.write("x" * 500)
except OSError as error: print(error.errno)'`;
    const result = await exec(flood, 60_000);
    expect(result.stdout + result.stderr).toMatch(/122|28|disk of the sandbox is full/);
    await alive();
    expect(await exec('find . -name "f*" -delete; sync; ls | wc -l', 60_000)).toMatchObject({
      stdout: '0\n',
    });
  });

  /** Till the daemon has put its own share aside. */
  async function reserved(): Promise<void> {
    const files = async (): Promise<string> => (await exec('sudo ls /var/lib/banata')).stdout;
    await expect.poll(files, { timeout: 30_000, interval: 500 }).toContain('reserve');
  }

  async function put(path: string, body: Buffer): Promise<{ status: number; body: unknown }> {
    const response = await box.fetch(`/files/write?path=${path}`, {
      method: 'PUT',
      body: new Uint8Array(body),
    });
    return { status: response.status, body: await response.json() };
  }
});

describe('the workspace', () => {
  test('is there again, whatever was done to it', async () => {
    await start();
    expect(await exec('sudo rm -rf /workspace')).toMatchObject({ exitCode: 0 });
    expect((await exec('pwd; touch new; stat -c %U .')).stdout).toBe('/workspace\nuser\n');
    await exec('chmod 000 /workspace');
    expect((await exec('ls')).stdout).toBe('new\n');
    await exec('sudo sh -c "rm -rf /workspace; echo file >/workspace"');
    expect((await exec('pwd; ls /; cat /workspace.replaced-*')).stdout).toMatch(
      /^\/workspace\n[^]*\nfile\n$/,
    );
    await exec('sudo rm -rf /workspace');
    const { status } = await box.fetch('/files/write?path=a/b', { method: 'PUT', body: 'text' });
    expect([200, 403, 404]).toContain(status);
    expect((await exec('echo ok')).stdout).toBe('ok\n');
  });
});

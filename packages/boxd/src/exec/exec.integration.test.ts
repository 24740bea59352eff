import { DEFAULT_OUTPUT_BYTES, type BoxExecResult } from '@banata/protocol/box';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startHostBox, type HostBox } from '../testing/host-box.ts';
import { listProcesses } from './process-tree.ts';

let box: HostBox;

beforeAll(async () => {
  box = await startHostBox();
});

afterAll(async () => {
  await box.close();
});

async function send(
  request: object,
  path = '/exec',
): Promise<{ status: number; body: Record<string, unknown> }> {
  return await box.send('POST', path, { cwd: box.environment.workspace, timeoutMs: 10_000, ...request });
}

async function exec(request: object, path?: string): Promise<BoxExecResult> {
  const { status, body } = await send(request, path);
  expect(body).toMatchObject({ stdout: expect.any(String) });
  expect(status).toBe(200);
  return body as unknown as BoxExecResult;
}

/** Waits till none of these runs any more. */
async function gone(pids: number[], limitMs = 2000): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const alive = listProcesses().filter(({ pid, state }) => pids.includes(pid) && state !== 'Z');
    if (alive.length === 0) return true;
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
}

const numbers = (text: string): number[] => [...text.matchAll(/^\d+$/gm)].map(Number);

/** A daemon that waits to be configured, as this one does, rehearses commands of its own for a while. */
const noOutputFiles = async (): Promise<boolean> => {
  const directory = join(box.environment.stateDir, 'exec');
  const isClean = async () => (await readdir(directory)).every((name) => !name.startsWith('run-'));
  return vi.waitUntil(isClean, { timeout: 30_000 });
};

describe('POST /exec', () => {
  test('runs a shell line as the user, with its environment and directory', async () => {
    const result = await exec({
      command: 'id -u; id -G; pwd; echo "$GREETING $HOME $USER"',
      env: { GREETING: 'hi' },
    });
    expect(result).toMatchObject({
      exitCode: 0,
      signal: null,
      timedOut: false,
      truncated: false,
      stderr: '',
    });
    expect(result.stdout).toBe(`65534\n65534\n${box.environment.workspace}\nhi /nonexistent nobody\n`);
  });

  test('runs a program with arguments as they are, and as root when asked', async () => {
    const result = await exec({ command: 'printf', args: ['%s|', 'a b', '$HOME', '*'], user: 'root' });
    expect(result.stdout).toBe('a b|$HOME|*|');
    expect((await exec({ command: 'id', args: ['-u'], user: 'root' })).stdout).toBe('0\n');
  });

  test('gives standard input, also under its name', async () => {
    expect((await exec({ command: 'cat', args: [], stdin: 'héllo' })).stdout).toBe('héllo');
    expect((await exec({ command: 'cat /dev/stdin', stdin: 'again' })).stdout).toBe('again');
    expect((await exec({ command: 'cat' })).stdout).toBe('');
    expect((await exec({ command: 'echo out > /dev/stdout; echo err > /dev/stderr' })).stderr).toBe('err\n');
  });

  test('gives bytes that are no text on standard input', async () => {
    const stdin = Buffer.from([0, 255, 254, 10, 13]).toString('base64');
    const result = await exec({ command: 'od -An -tx1', stdin }, '/exec/stdin-base64');
    expect(result.stdout.trim()).toBe('00 ff fe 0a 0d');
  });

  test('answers as a shell when there is no such program', async () => {
    expect(await exec({ command: 'no-such-program', args: [] })).toMatchObject({
      exitCode: 127,
      stderr: 'no-such-program: command not found\n',
    });
    expect((await exec({ command: 'no-such-program' })).exitCode).toBe(127);
    expect((await exec({ command: '/etc/passwd', args: [] })).exitCode).toBe(126);
    expect(await noOutputFiles()).toBe(true);
  });

  test('tells the exit code and the signal', async () => {
    expect(await exec({ command: 'exit 7' })).toMatchObject({ exitCode: 7, signal: null });
    expect(await exec({ command: 'kill -SEGV $$' })).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
  });

  test.each([
    [{ command: 'true', cwd: '/no/such' }, 'CWD_NOT_FOUND'],
    [{ command: 'true', cwd: '/etc/passwd' }, 'CWD_NOT_FOUND'],
    [{ command: 'true', cwd: '/root' }, 'CWD_NOT_ACCESSIBLE'],
    [{ command: 'true', timeoutMs: 0 }, 'INVALID_FIELD'],
    [{ command: 'a\0b' }, 'INVALID_FIELD'],
    [{ command: 'true', env: { 'A=B': '1' } }, 'INVALID_FIELD'],
    [{ command: 'true', user: 'desktop' }, 'INVALID_FIELD'],
    [{ command: `: ${'x'.repeat(200_000)}` }, 'COMMAND_TOO_LONG'],
  ])('refuses %j', async (request, code) => {
    const { status, body } = await send(request);
    expect(body['code']).toBe(code);
    expect(status).toBe(400);
    expect(await noOutputFiles()).toBe(true);
  });

  test('a timeout ends the whole tree, also what forked twice into a session of its own', async () => {
    const script = `
      setsid bash -c 'echo $BASHPID; (trap "" TERM; echo $BASHPID; while :; do sleep 1; done) & sleep 300' &
      (setsid bash -c '(sleep 300 & echo $!) &' &)
      echo $$
      trap '' TERM
      while :; do sleep 1; done`;
    const result = await exec({ command: script, timeoutMs: 700 });
    expect(result).toMatchObject({ timedOut: true, exitCode: null, signal: 'SIGKILL' });
    expect(result.durationMs).toBeLessThan(10_000);
    const pids = numbers(result.stdout);
    expect(pids).toHaveLength(4);
    expect(await gone(pids, 0)).toBe(true);
  });

  test('a caller that goes away ends the tree', async () => {
    const controller = new AbortController();
    const marker = `${box.environment.workspace}/pid`;
    const pending = box.fetch('/exec', {
      method: 'POST',
      body: JSON.stringify({
        command: `setsid sleep 300 & echo $! > ${marker}; wait`,
        cwd: box.environment.workspace,
        timeoutMs: 60_000,
      }),
      signal: controller.signal,
    });
    const caught = pending.catch(() => 'aborted');
    let text = '';
    while (!text.endsWith('\n')) {
      text = await readFile(marker, 'utf8').catch(() => '');
      await sleep(10);
    }
    controller.abort();
    expect(await caught).toBe('aborted');
    expect(await gone(numbers(text), 3000)).toBe(true);
    while (!(await noOutputFiles())) await sleep(10);
  });

  test('a background process survives its command and the reply does not wait for it', async () => {
    const result = await exec({ command: 'nohup sleep 300 & echo $!' });
    expect(result.durationMs).toBeLessThan(2000);
    const pids = numbers(result.stdout);
    await sleep(200);
    expect(await gone(pids, 0)).toBe(false);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    expect(await gone(pids)).toBe(true);
  });

  test('keeps long output in a file that its user may read', async () => {
    const result = await exec({
      command: 'head -c 52428800 /dev/zero | tr "\\0" x; echo short >&2',
      maxOutputBytes: 1000,
    });
    expect(result).toMatchObject({
      truncated: true,
      stdout: 'x'.repeat(1000),
      stderr: 'short\n',
      stderrFile: null,
    });
    const path = result.stdoutFile ?? '';
    expect((await stat(path)).size).toBe(52_428_800);
    expect((await exec({ command: 'wc', args: ['-c', path] })).stdout).toContain('52428800');
  });

  test('throws away what is beyond the bound, and says so in the file', async () => {
    const result = await exec({ command: 'head -c 200000000 /dev/zero | tr "\\0" x; sleep 0.5; echo end' });
    expect(result.truncated).toBe(true);
    const content = await readFile(result.stdoutFile ?? '');
    expect(content.length).toBeLessThan(DEFAULT_OUTPUT_BYTES + 200);
    expect(content.subarray(-80).toString()).toContain('output beyond 64 MiB was discarded');
  });

  test('a background process cannot fill the disk with the output it inherited', async () => {
    const { stdout } = await exec({
      // Ends by itself: a test that is cut off must not leave a program behind that writes for ever.
      command: '(for i in $(seq 300); do head -c 1000000 /dev/zero; sleep 0.01; done; sleep 1) & echo $!',
    });
    const [pid] = numbers(stdout);
    const sizes: number[] = [];
    const size = async () => (await stat(`/proc/${pid}/fd/1`).catch(() => undefined))?.size;
    for (let now = await size(); now !== undefined; now = await size()) {
      sizes.push(now);
      await sleep(50);
    }
    // What lies there was written since the last look: never all of the 300 MB.
    expect(Math.max(...sizes)).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(150_000_000);
  });

  test('streams output while the command runs, and its result', async () => {
    const response = await box.fetch('/exec', {
      method: 'POST',
      headers: { accept: 'text/event-stream' },
      body: JSON.stringify({
        command:
          "printf 'h\\303'; sleep 0.3; printf '\\251\\n'; echo bad >&2; (sleep 300; echo never) & echo $! >&2; exit 3",
        cwd: box.environment.workspace,
        timeoutMs: 5000,
      }),
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const startedAt = performance.now();
    const text = await response.text();
    expect(performance.now() - startedAt).toBeLessThan(2000);
    const events = text
      .trim()
      .split('\n\n')
      .map((block) => {
        const [event = '', data = ''] = block.split('\n').map((line) => line.replace(/^\w+: /, ''));
        return { event, data: JSON.parse(data) as Record<string, unknown> };
      });
    const joined = (name: string): string =>
      events.flatMap(({ event, data }) => (event === name ? [data['text']] : [])).join('');
    expect(joined('stdout')).toBe('hé\n');
    expect(joined('stderr')).toMatch(/^bad\n\d+\n$/);
    for (const pid of numbers(joined('stderr'))) process.kill(-(await processGroup(pid)), 'SIGKILL');
    expect(events.filter(({ event }) => event === 'stdout').length).toBeGreaterThan(1);
    expect(events.at(-1)).toMatchObject({
      event: 'result',
      data: { exitCode: 3, stdout: 'hé\n', timedOut: false },
    });
  });

  test('takes many commands at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => exec({ command: `echo ${index}` })),
    );
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(
      Array.from({ length: 40 }, (_, index) => index),
    );
    expect(await noOutputFiles()).toBe(true);
  });

  test('stopping the daemon ends what runs', async () => {
    const pending = box.fetch('/exec', {
      method: 'POST',
      body: JSON.stringify({
        command: 'setsid sleep 4321 & wait',
        cwd: box.environment.workspace,
        timeoutMs: 60_000,
      }),
    });
    const settled = pending.then(
      ({ status }) => status,
      () => 'closed',
    );
    const sleeping = async (): Promise<string> =>
      (await exec({ command: 'pgrep -f "^sleep 4321" || true' })).stdout;
    while ((await sleeping()) === '') await sleep(20);
    await box.restart();
    expect([200, 503, 'closed']).toContain(await settled);
    expect(await sleeping()).toBe('');
  });
});

async function processGroup(pid: number): Promise<number> {
  return listProcesses().find((info) => info.pid === pid)?.group ?? pid;
}

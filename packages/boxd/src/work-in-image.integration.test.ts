import type { BoxContextResult, BoxProcess, BoxProcessOutput } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { boxDirectory } from './index.ts';
import { startImageBox, type ImageBox } from './testing/image-box.ts';
import { imageLayers } from './testing/image-layers.ts';

let box: ImageBox;

beforeAll(async () => {
  box = await startImageBox({ layers: imageLayers(process.env), boxDirectory });
  await send('PUT', '/config', {
    sandboxId: 'test',
    runtime: 'base',
    env: { FROM: 'config' },
    browser: null,
    agent: null,
  });
});

afterAll(() => box?.close());

async function send<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
  const reply = await box.fetch(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await reply.json()) as T;
  if (!reply.ok) throw new Error(`${reply.status} ${JSON.stringify(answer)}`);
  return answer;
}

async function context(
  language: string,
): Promise<(code: string, timeoutMs?: number) => Promise<BoxContextResult>> {
  const { id } = await send<{ id: string }>('POST', '/contexts', { language });
  return (code, timeoutMs = 30_000) => send('POST', `/contexts/${id}/run`, { code, timeoutMs });
}

/** Ends the daemon as an attacker would; `boxd-init` starts the next. */
async function killDaemon(): Promise<void> {
  await box
    .fetch('/exec', {
      method: 'POST',
      body: JSON.stringify({ command: 'pkill -9 -f lib/boxd.cjs', user: 'root', timeoutMs: 5000 }),
    })
    .catch(() => undefined);
  for (let tries = 0; tries < 200; tries += 1) {
    await sleep(20);
    if (
      await box.fetch('/health').then(
        (reply) => reply.ok,
        () => false,
      )
    )
      return;
  }
  throw new Error('the daemon did not come back');
}

describe('a Python context', () => {
  test('keeps variables, shows values, pictures and tables, and tells errors', async () => {
    const run = await context('python');
    expect(await run('x = 41\nprint("set")')).toMatchObject({
      stdout: 'set\n',
      results: [],
      error: null,
      exitCode: 0,
    });
    expect((await run('x + 1')).results).toMatchObject([{ isMain: true, text: '42' }]);
    const failed = await run('def f():\n    raise ValueError("no")\nf()');
    expect(failed).toMatchObject({ exitCode: 1, error: { name: 'ValueError', value: 'no' } });
    expect(failed.error?.traceback.join('\n')).toContain('in f()');
    const table = await run('import pandas as pd\npd.DataFrame({"a": [1, 2], "b": ["x", "y"]})');
    expect(table.results[0]?.table).toMatchObject({
      schema: { fields: [{ name: 'index' }, { name: 'a', type: 'integer' }, { name: 'b' }] },
      data: [
        { index: 0, a: 1, b: 'x' },
        { index: 1, a: 2, b: 'y' },
      ],
    });
    const chart = await run(
      'import matplotlib.pyplot as plt\nplt.plot([1, 4, 9]); plt.title("squares"); plt.show()',
      90_000,
    );
    const png = Buffer.from(chart.results.find((result) => result.png)?.png ?? '', 'base64');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.length).toBeGreaterThan(5_000);
  }, 150_000);

  test('queues calls in order, is interrupted by a timeout and keeps its variables', async () => {
    const run = await context('python');
    const order = await Promise.all([
      run('n = [1]\nimport time; time.sleep(0.5)'),
      run('n.append(2)'),
      run('n'),
    ]);
    expect(order[2].results).toMatchObject([{ text: '[1, 2]' }]);
    const slow = await run('while True: pass', 1_000);
    expect(slow).toMatchObject({ timedOut: true, error: { name: 'KeyboardInterrupt' }, restarted: false });
    expect((await run('n')).results).toMatchObject([{ text: '[1, 2]' }]);
  });

  test('bounds 100 MB of output, and says so when its interpreter dies', async () => {
    const run = await context('python');
    const long = await run('print("x" * 100_000_000)\nprint("end")', 60_000);
    expect(long).toMatchObject({ truncated: true, error: null });
    expect(long.stdout.length).toBe(1024 * 1024);
    const dead = await run('import os; print("last", flush=True); os._exit(3)');
    expect(dead).toMatchObject({ restarted: true, error: { name: 'KernelDied' }, exitCode: null });
    expect((await run('1 + 1')).results).toMatchObject([{ text: '2' }]);
  }, 120_000);
});

describe('a JavaScript context', () => {
  test('keeps variables, takes redeclarations, imports and await, and tells errors', async () => {
    const run = await context('typescript');
    await run('const x: number = 41; console.log("set"); console.error("err")');
    expect(await run('const y = x + 1; y')).toMatchObject({ results: [{ text: '42', json: 42 }] });
    expect((await run('const y = "again"; y')).results).toMatchObject([{ json: 'again' }]);
    expect((await run('import { basename as b } from "node:path"; b("/a/c")')).results).toMatchObject([
      { json: 'c' },
    ]);
    expect((await run('const os = await import("node:os"); os.userInfo().username')).results).toMatchObject([
      { json: 'user' },
    ]);
    expect((await run('[{ a: 1 }, { a: 2 }]')).results[0]?.table).toMatchObject({
      data: [{ a: 1 }, { a: 2 }],
    });
    const failed = await run('function f() { throw new TypeError("no") }\nf()');
    expect(failed).toMatchObject({ exitCode: 1, error: { name: 'TypeError', value: 'no' } });
    expect(await run('const = 1')).toMatchObject({ error: { name: 'SyntaxError' } });
  });

  test('is interrupted in a loop and in an await, bounds its output, and survives its end', async () => {
    const run = await context('javascript');
    await run('let kept = 1');
    expect(await run('for (;;) {}', 500)).toMatchObject({
      timedOut: true,
      restarted: false,
      error: { name: 'Interrupted' },
    });
    expect(await run('await new Promise(() => {})', 500)).toMatchObject({ timedOut: true, restarted: false });
    expect((await run('kept')).results).toMatchObject([{ json: 1 }]);
    const long = await run(
      'for (let i = 0; i < 100; i++) console.log("x".repeat(1_000_000)); console.error("e")',
      60_000,
    );
    expect(long).toMatchObject({ truncated: true, stderr: 'e\n', error: null });
    expect(await run('process.exit(7)')).toMatchObject({
      restarted: true,
      error: { name: 'KernelDied', value: expect.stringContaining('exit code 7') },
    });
    expect((await run('typeof kept')).results).toMatchObject([{ json: 'undefined' }]);
  }, 90_000);
});

describe('background processes', () => {
  const output = (id: string, query = ''): Promise<BoxProcessOutput> =>
    send('GET', `/processes/${id}/output${query}`);
  const wait = (id: string): Promise<BoxProcess> => send('GET', `/processes/${id}/wait?timeoutMs=10000`);

  test('take input and signals, and their output is read from an offset', async () => {
    const { id, pid } = await send<BoxProcess>('POST', '/processes', {
      command: 'cat; echo "$FROM" >&2; exit 3',
      stdin: true,
    });
    expect(pid).toBeGreaterThan(1);
    await send('POST', `/processes/${id}/stdin`, { data: 'one\n', encoding: 'utf8', close: false });
    await send('POST', `/processes/${id}/stdin`, { data: 'two\n', encoding: 'utf8', close: true });
    expect(await wait(id)).toMatchObject({ status: 'exited', exitCode: 3, stdinOpen: false });
    expect(await output(id, '?stdoutOffset=4')).toMatchObject({
      stdout: { data: 'two\n', offset: 4, nextOffset: 8 },
      stderr: { data: 'config\n' },
      ended: true,
    });
    const other = await send<BoxProcess>('POST', '/processes', { command: 'sleep', args: ['300'] });
    await send('POST', `/processes/${other.id}/signal`, { signal: 'SIGINT' });
    expect(await wait(other.id)).toMatchObject({ status: 'exited', signal: 'SIGINT', exitCode: null });
    const missing = await send<BoxProcess>('POST', '/processes', { command: 'no-such', args: [] });
    expect(missing).toMatchObject({ status: 'exited', exitCode: 127, error: 'no-such: command not found' });
  });

  test('go on when the daemon is killed; a follower that comes back loses nothing', async () => {
    const { id, pid } = await send<BoxProcess>('POST', '/processes', {
      command: 'for i in $(seq 1 40); do echo $i; sleep 0.1; done; id -un; exit 5',
    });
    let text = '';
    let last = '0-0';
    let killed = false;
    for (let tries = 0; tries < 30; tries += 1) {
      const headers = { accept: 'text/event-stream', 'last-event-id': last };
      const reply = await box.fetch(`/processes/${id}/output`, { headers }).catch(() => undefined);
      if (!reply) {
        await sleep(200);
        continue;
      }
      const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
      let rest = '';
      let ended = false;
      for (;;) {
        const piece = await reader.read().catch(() => ({ done: true, value: undefined }));
        if (piece.done || !piece.value) break;
        rest += Buffer.from(piece.value).toString();
        const blocks = rest.split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
          last = field('id') || last;
          if (field('event') === 'stdout') text += (JSON.parse(field('data')) as { data: string }).data;
          if (field('event') === 'end') ended = true;
        }
        if (!killed && text.includes('5\n')) {
          killed = true;
          void killDaemon();
        }
      }
      if (ended) break;
      await sleep(100);
    }
    expect(killed).toBe(true);
    expect(text).toBe(`${Array.from({ length: 40 }, (_, index) => index + 1).join('\n')}\nuser\n`);
    expect(await wait(id)).toMatchObject({ pid, status: 'exited', exitCode: 5 });
  });

  test('SIGKILL ends all that one started', async () => {
    const { id } = await send<BoxProcess>('POST', '/processes', {
      command: 'setsid sleep 4711 & setsid bash -c "(sleep 4711 &)"; wait',
    });
    await sleep(200);
    await send('POST', `/processes/${id}/signal`, { signal: 'SIGKILL' });
    expect(await wait(id)).toMatchObject({ status: 'exited', signal: 'SIGKILL' });
    const { stdout } = await send<{ stdout: string }>('POST', '/exec', {
      command: 'pgrep -f "^sleep 4711" || true',
      timeoutMs: 5000,
    });
    expect(stdout).toBe('');
  });
});

interface Viewer {
  socket: WebSocket;
  text: () => string;
  events: Record<string, unknown>[];
  until: (part: string) => Promise<void>;
}

async function view(query = ''): Promise<Viewer> {
  const socket = new WebSocket(`${box.url.replace('http', 'ws')}/terminal${query}`, {
    headers: { authorization: `Bearer ${box.token}` },
  });
  let text = '';
  const events: Record<string, unknown>[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) text += data.toString();
    else events.push(JSON.parse(data.toString()) as Record<string, unknown>);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const until = async (part: string): Promise<void> => {
    for (let tries = 0; tries < 200 && !text.includes(part); tries += 1) await sleep(25);
    expect(text).toContain(part);
  };
  return { socket, text: () => text, events, until };
}

describe('a terminal', () => {
  test('is a real one, outlives its viewers and shows them the same', async () => {
    const first = await view('?cols=100&rows=30');
    first.socket.send(Buffer.from('tty; stty size; id -un; echo "$((6*7))-done"\n'));
    await first.until('42-done');
    expect(first.text()).toMatch(/\/dev\/pts\/\d+[\s\S]*30 100[\s\S]*user/);
    const terminalId = String(first.events[0]?.['terminalId']);
    first.socket.close();
    await sleep(100);
    const again = await view(`?terminalId=${terminalId}`);
    const other = await view(`?terminalId=${terminalId}`);
    await again.until('42-done');
    again.socket.send(JSON.stringify({ type: 'resize', cols: 120, rows: 40 }));
    again.socket.send(JSON.stringify({ type: 'input', data: 'stty size; exit 4\n' }));
    await other.until('40 120');
    for (let tries = 0; tries < 100 && other.events.length < 3; tries += 1) await sleep(25);
    expect(other.events.slice(1)).toEqual([
      { type: 'resize', cols: 120, rows: 40 },
      { type: 'exit', exitCode: 4, signal: null },
    ]);
    expect(await send('GET', '/terminal/sessions')).toMatchObject({
      terminals: [{ id: terminalId, exited: true }],
    });
  });

  test('is closed on request with all that runs in it', async () => {
    const viewer = await view();
    viewer.socket.send(Buffer.from('setsid sleep 4712 & echo start-$((1+1))\n'));
    await viewer.until('start-2');
    const closed = new Promise((resolve) => viewer.socket.once('close', resolve));
    await send('DELETE', `/terminal/sessions/${String(viewer.events[0]?.['terminalId'])}`);
    await closed;
    const { stdout } = await send<{ stdout: string }>('POST', '/exec', {
      command: 'pgrep -f "^sleep 4712" || true',
      timeoutMs: 5000,
    });
    expect(stdout).toBe('');
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BanataError, BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { boxProcesses } from './support/box-processes.ts';
import { Installation } from './support/installation.ts';
import { Tty } from './support/tty.ts';
import { until } from './support/until.ts';

const CTRL_C = '\x03';

let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
const faults: { fault: string; answer: string; ms: number }[] = [];

beforeAll(async () => {
  installation = await Installation.start({ BANATA_WARM: '1' });
  banata = new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    retry: { maxRetries: 5 },
  });
  sandbox = await banata.launch({ idleTimeoutMs: null });
});

afterAll(async () => {
  const lines = faults.map(
    ({ fault, answer, ms }) => `${fault.padEnd(44)} ${String(Math.round(ms)).padStart(6)} ms  ${answer}`,
  );
  process.stderr.write(`\n${lines.join('\n')}\n`);
  await installation?.remove();
});

/** Runs a fault, notes what came of it and how long it took. */
async function fault<T>(name: string, work: () => Promise<T>, tell: (value: T) => string): Promise<T> {
  const began = performance.now();
  const value = await work();
  faults.push({ fault: name, answer: tell(value), ms: performance.now() - began });
  return value;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([work]);
  if (outcome.status === 'fulfilled') return 'no error';
  return outcome.reason instanceof BanataError ? outcome.reason.code : (outcome.reason as Error).name;
}

async function running(pattern: string): Promise<string> {
  return (await sandbox.exec('sh', ['-c', `pgrep -fx "${pattern}" || true`])).stdout.trim();
}

test('output comes while the command runs, in order, and then the result', async () => {
  const pieces: { text: string; at: number }[] = [];
  const began = performance.now();
  const result = await sandbox.exec(
    'for i in 1 2 3; do echo $i; sleep 0.3; done; echo bad >&2; exit 3',
    undefined,
    {
      onStdout: (text) => pieces.push({ text, at: performance.now() - began }),
    },
  );
  expect(result).toMatchObject({ stdout: '1\n2\n3\n', stderr: 'bad\n', exitCode: 3 });
  expect(pieces.map(({ text }) => text).join('')).toBe('1\n2\n3\n');
  expect(pieces[0]?.at).toBeLessThan((pieces.at(-1)?.at ?? 0) - 400);
});

test('a background process survives the server; its follower loses nothing', async () => {
  const { id } = await sandbox.process.start(
    'for i in $(seq 1 60); do echo $i; sleep 0.1; done; read line; echo "got $line"',
    undefined,
    { stdin: true },
  );
  let text = '';
  let restart: Promise<void> | undefined;
  for await (const { data } of sandbox.process.follow(id)) {
    text += data;
    if (!restart && text.includes('\n10\n')) {
      restart = installation.stopServer('SIGKILL').then(() => installation.startServer());
    }
    if (text.includes('\n60\n') && !text.includes('got'))
      await sandbox.process.write(id, 'héllo\n', { close: true });
  }
  await restart;
  expect(text).toBe(`${Array.from({ length: 60 }, (_, index) => index + 1).join('\n')}\ngot héllo\n`);
  expect(await sandbox.process.wait(id)).toMatchObject({ status: 'exited', exitCode: 0 });
  expect((await sandbox.process.list()).map((one) => one.id)).toContain(id);
  expect(await codeOf(sandbox.process.get('nope'))).toBe('PROCESS_NOT_FOUND');
});

test('contexts keep variables and return a chart as a picture', async () => {
  const { id: context } = await sandbox.contexts.create({ language: 'python' });
  await sandbox.runCode('import matplotlib.pyplot as plt\nvalues = [n * n for n in range(10)]', {
    context,
    timeout: 90_000,
  });
  let live = '';
  const chart = await sandbox.runCode(
    'print(sum(values))\nplt.plot(values); plt.title("squares"); plt.show()',
    {
      context,
      onStdout: (text) => (live += text),
    },
  );
  expect(live).toBe('285\n');
  const png = Buffer.from(chart.results?.find((result) => result.png)?.png ?? '', 'base64');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  const folder = process.env['BANATA_TEST_KEEP'];
  if (folder) writeFileSync(`${folder}/chart.png`, png);
  const failed = await sandbox.runCode('1 / 0', { context });
  expect(failed.error).toMatchObject({ name: 'ZeroDivisionError', value: 'division by zero' });
  await sandbox.contexts.delete(context);
  expect(await codeOf(sandbox.runCode('1', { context }))).toBe('CONTEXT_NOT_FOUND');
});

test('a terminal takes input, outlives its viewer, and needs a key or a link', async () => {
  let text = '';
  const onData = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString());
  const first = await sandbox.terminal({ cols: 90, rows: 20, onData });
  first.write('stty size; echo $((6*7))-yes\n');
  await until('output', () => Promise.resolve(text.includes('42-yes') ? true : undefined), 10_000);
  expect(text).toContain('20 90');
  first.detach();
  expect(await first.ended).toEqual({ exited: false, exitCode: null });
  text = '';
  const again = await sandbox.terminal({ terminalId: first.id, onData });
  await until('scrollback', () => Promise.resolve(text.includes('42-yes') ? true : undefined), 10_000);
  expect(await sandbox.listTerminals()).toMatchObject([{ id: first.id, viewers: 1 }]);
  again.write('exit 3\n');
  expect(await again.ended).toEqual({ exited: true, exitCode: 3 });
  const bare = await fetch(`${installation.url}/v1/sandboxes/terminal?id=${sandbox.id}`);
  expect(bare.status).toBe(401);
});

test('contexts are interrupted and started anew on request', async () => {
  const { id: context } = await sandbox.contexts.create({ language: 'python' });
  const run = (code: string) => sandbox.runCode(code, { context, timeout: 60_000 });
  expect(await run('kept = 41')).toMatchObject({ error: null });
  let begun = '';
  const long = sandbox.runCode('print("begun", flush=True)\nimport time\ntime.sleep(50)', {
    context,
    timeout: 60_000,
    onStdout: (text) => (begun += text),
  });
  await until('the long call', () => Promise.resolve(begun === '' ? undefined : true));
  await fault(
    'interrupt of a context',
    async () => {
      await sandbox.contexts.interrupt(context);
      return long;
    },
    ({ error, timedOut }) => `${error?.name}, timedOut ${timedOut}`,
  ).then((result) => expect(result).toMatchObject({ timedOut: false, error: { name: 'KeyboardInterrupt' } }));
  expect((await run('print(kept + 1)')).stdout).toBe('42\n');
  const restarted = await fault(
    'restart of a context',
    () => sandbox.contexts.restart(context),
    ({ id }) => (id === context ? 'the same context' : id),
  );
  expect(restarted.id).toBe(context);
  expect(await run('kept')).toMatchObject({ error: { name: 'NameError' } });
  expect(await codeOf(sandbox.contexts.interrupt('nope'))).toBe('CONTEXT_NOT_FOUND');
  expect(await codeOf(sandbox.contexts.restart('nope'))).toBe('CONTEXT_NOT_FOUND');
  await sandbox.contexts.delete(context);
});

test('`banata exec ID -- …` runs the command as it is and ends with its exit code', async () => {
  const cli = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
  const command = ['exec', sandbox.id, '--', 'sh', '-c', 'echo "$1"; exit 3', '-', 'a  b'];
  const child = spawn(process.execPath, [cli, ...command], { env: installation.env, timeout: 60_000 });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, out]).toEqual([3, 'a  b\n']);
});

test('`banata exec --stdin` passes bytes on, and output comes while the command runs', async () => {
  const cli = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
  const line = 'od -An -tx1; until [ -e seen ]; do sleep 0.1; done; echo end';
  const command = ['exec', '--stdin', sandbox.id, '--', 'sh', '-c', line];
  const child = spawn(process.execPath, [cli, ...command], { env: installation.env, timeout: 90_000 });
  child.stdin.end(Buffer.from([0, 255, 10]));
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const closed = once(child, 'close');
  await until('the first output is here', async () => (out.includes('00 ff 0a') ? true : undefined));
  await sandbox.fs.write('seen', '');
  expect([...((await closed) as [number]), out]).toEqual([0, null, ' 00 ff 0a\nend\n']);
});

test('`banata terminal` on a terminal: size, Ctrl-C, leaving, coming back, exit code, and the terminal as it was', async () => {
  const cli = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
  const start = (...args: string[]): Tty => {
    const command = `${process.execPath} ${cli} terminal ${sandbox.id} ${args.join(' ')}`;
    const script = `before=$(stty -g); ${command}; echo code:$?; [ "$before" = "$(stty -g)" ] && echo as it was`;
    const tty = new Tty('/bin/sh', ['-c', script], { ...installation.env, TERM: 'xterm-256color' });
    onTestFinished(() => tty.close());
    return tty;
  };
  const first = start();
  const [, session = ''] = await first.shows(/banata: terminal (\S+); Ctrl-\] leaves/);
  await first.shows(/\$ /);
  first.type('stty size\r');
  await first.shows(/30 100\r\n/);
  first.resize(120, 40);
  first.type('sleep 0.2; stty size\r');
  await first.shows(/40 120\r\n/);
  first.type('echo wait; sleep 300\r');
  await first.shows(/wait\r\n/);
  // Before it runs, Ctrl-C would be for the shell.
  await until('the program runs', async () => ((await running('sleep 300')) === '' ? undefined : true));
  first.type(CTRL_C);
  // gVisor's terminal shows the character as it is.
  await first.shows(new RegExp(`(\\^C|${CTRL_C})[^]*\\$ `));
  first.type('echo still-$((40+2))\r');
  await first.shows(/still-42\r\n/);
  first.type('\x1d');
  await first.shows(new RegExp(`left; come back with ./banata terminal ${sandbox.id} --session ${session}`));
  await first.shows(/code:0\r\nas it was/);
  expect(await first.ended()).toBe(0);

  const again = start('--session', session);
  await again.shows(/still-42/);
  again.type('exit 7\r');
  await again.shows(/code:7\r\nas it was/);
  expect(await again.ended()).toBe(0);
}, 120_000);

describe('faults', () => {
  test('timeout and abort end the whole tree', async () => {
    const script = 'setsid sleep 4801 & (setsid bash -c "(sleep 4801 &)" &); sleep 4801';
    const timedOut = await fault(
      'timeout after 1 s, tree with setsid and double fork',
      () => sandbox.exec(script, undefined, { timeout: 1000 }),
      ({ timedOut: answer, signal }) => `timedOut ${answer}, ${signal}`,
    );
    expect(timedOut).toMatchObject({ timedOut: true });
    expect(await running('sleep 4801')).toBe('');
    await fault(
      'abort after 0.5 s',
      () => codeOf(sandbox.exec(script, undefined, { signal: AbortSignal.timeout(500) })),
      (code) => code,
    );
    await until(
      'the tree is gone',
      async () => ((await running('sleep 4801')) === '' ? true : undefined),
      5_000,
    );
  });

  test('1 GB of output is bounded, and binary output arrives', async () => {
    const long = await fault(
      '1 GB of output',
      () => sandbox.exec('head -c 1000000000 /dev/zero | tr "\\0" x', undefined, { timeout: 60_000 }),
      ({ stdout, truncated, stdoutFile }) =>
        `${stdout.length} bytes, truncated ${truncated}, rest in ${stdoutFile?.slice(0, 22)}…`,
    );
    expect(long).toMatchObject({ truncated: true, exitCode: 0 });
    expect(long.stdout.length).toBe(1024 * 1024);
    let streamed = 0;
    await fault(
      '1 GB of output, streamed',
      () =>
        sandbox.exec('head -c 1000000000 /dev/zero | tr "\\0" x', undefined, {
          timeout: 60_000,
          onStdout: (text) => (streamed += text.length),
        }),
      ({ truncated }) => `${Math.round(streamed / 1e6)} MB came, truncated ${truncated}`,
    );
    const binary = await fault(
      'binary and invalid UTF-8',
      () => sandbox.exec("printf 'a\\000b\\377\\303('"),
      ({ stdout }) => JSON.stringify(stdout),
    );
    expect(binary.stdout).toBe('a\0b\ufffd\ufffd(');
    const { id } = await sandbox.process.start("printf 'a\\000b\\377\\303('");
    await sandbox.process.wait(id);
    const { stdout } = await sandbox.process.output(id);
    expect(Buffer.from(stdout.data, stdout.encoding)).toEqual(Buffer.from('a\0b\xff\xc3(', 'latin1'));
  }, 180_000);

  test('a fork bomb leaves another call an answer', async () => {
    await using bombed = await banata.launch();
    const bomb = bombed.exec('f() { f | f & }; f; sleep 5', undefined, { timeout: 4_000 });
    bomb.catch(() => undefined);
    await sleep(1_000);
    await fault(
      'another call beside a fork bomb',
      () => codeOf(bombed.exec('echo still', undefined, { timeout: 5_000 })),
      (code) => code,
    );
    await bomb.catch(() => undefined);
    // gVisor's kernel takes its time with a thousand programs that all want to run.
    await fault(
      'until calls are answered after it',
      () =>
        until(
          'an answer',
          async () => {
            const code = await codeOf(bombed.exec('echo still', undefined, { timeout: 5_000 }));
            return code === 'no error' ? true : undefined;
          },
          90_000,
        ),
      () => 'answers',
    );
    expect((await bombed.exec('echo still')).stdout).toBe('still\n');
  }, 150_000);

  test('kill -9 of the daemon: callers get an error, files are intact, it is back', async () => {
    await sandbox.fs.write('/workspace/kept.txt', 'kept');
    const caller = codeOf(sandbox.exec('sleep 30'));
    const streaming = codeOf(sandbox.exec('sleep 30', undefined, { onStdout: () => undefined }));
    await sleep(500);
    await fault(
      'kill -9 of the daemon with a call under way',
      async () => {
        void codeOf(sandbox.exec('pkill -9 -f lib/boxd.cjs', undefined, { user: 'root' }));
        return Promise.all([caller, streaming]);
      },
      (codes) => codes.join(', '),
    );
    const [plain] = [await caller];
    expect(plain).toBe('SANDBOX_UNREACHABLE');
    expect(await streaming).toBe('SANDBOX_UNREACHABLE');
    await fault(
      'until it answers again',
      () =>
        until('an answer', async () =>
          (await codeOf(sandbox.exec('true'))) === 'no error' ? true : undefined,
        ),
      () => 'answers',
    );
    expect(await sandbox.fs.read('/workspace/kept.txt')).toBe('kept');
  });

  test('a sandbox that is ended, or dies by itself, fails its callers in a moment', async () => {
    const victim = await banata.launch();
    const { id } = await victim.process.start('sleep 100');
    const terminal = await victim.terminal();
    const calls = [
      codeOf(victim.exec('sleep 30')),
      codeOf(victim.exec('sleep 30', undefined, { onStdout: () => undefined })),
      codeOf(victim.process.follow(id).next()),
      codeOf(victim.process.wait(id)),
      terminal.ended.then(() => 'closed'),
    ];
    await sleep(700);
    const killed = Promise.all(calls);
    const began = performance.now();
    void victim.kill();
    const codes = await fault(
      'sandbox ended with five calls under way',
      () => killed,
      (all) => all.join(', '),
    );
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(codes).toEqual(['SANDBOX_ENDED', 'SANDBOX_ENDED', 'SANDBOX_ENDED', 'SANDBOX_ENDED', 'closed']);

    const dying = await banata.launch();
    const call = codeOf(dying.exec('sleep 30'));
    await sleep(500);
    const boxes = boxProcesses(installation);
    const died = performance.now();
    for (const pid of boxes) process.kill(pid, 'SIGKILL');
    const code = await fault(
      'all sandboxes’ first processes killed',
      () => call,
      (answer) => answer,
    );
    // With gVisor the connections' other end is gone with it: the server knows by its next look at the boxes.
    expect(performance.now() - died).toBeLessThan(installation.isolation === 'gvisor' ? 8_000 : 2_000);
    expect(['SANDBOX_UNREACHABLE', 'SANDBOX_ENDED']).toContain(code);
  });
});

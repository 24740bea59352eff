import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../logger.ts';
import type { SubmittedReport } from './report-keeper.ts';
import { ReportSocket } from './report-socket.ts';
import type { BoxEventBody, BoxHandoffWish } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { PublishDesk } from '../publish/publish-desk.ts';

const bin = (name: string): string => fileURLToPath(new URL(`../../../box/bin/${name}`, import.meta.url));

let folder: string;
let path: string;
let socket: ReportSocket;
let reports: SubmittedReport[];
let wishes: BoxHandoffWish[];
let desk: PublishDesk;
let journal: Extract<BoxEventBody, { type: 'artifact.requested' }>['data'][];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-report-'));
  path = join(folder, 'agent.sock');
  reports = [];
  journal = [];
  wishes = [];
  desk = new PublishDesk({
    askAgainMs: 100,
    publisher: {
      publish: async (body) => void (body.type === 'artifact.requested' && journal.push(body.data)),
    },
  });
  const { uid, gid, username } = userInfo();
  socket = new ReportSocket({
    path,
    account: { name: username, uid, gid, home: folder },
    logger: createLogger({ write: () => undefined }),
    submit: async (report) => {
      reports.push(report);
      return 'task-1';
    },
    publish: (wanted, signal) => desk.ask(wanted, signal),
    handoff: async (wish) => {
      wishes.push(wish);
      return 'task-1';
    },
  });
  await socket.open();
});

afterEach(async () => {
  await socket.close();
  await rm(folder, { recursive: true });
});

const complete = (...args: string[]) => run('banata-complete-task', args);
const completeWith = (input: string, ...args: string[]) => run('banata-complete-task', args, input);
const publish = (...args: string[]) => run('banata-publish-artifact', args);

function run(
  command: string,
  args: string[],
  input = '',
): Promise<{ code: number | null; out: string; err: string }> & { end: () => void } {
  const env = { PATH: process.env['PATH'] ?? '', BANATA_AGENT_SOCKET: path };
  const child = spawn(process.execPath, [bin(command), ...args], { env, cwd: folder, stdio: 'pipe' });
  child.stdin.on('error', () => undefined).end(input);
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, out, err })),
  );
  return Object.assign(ended, { end: () => void child.kill('SIGKILL') });
}

function post(body: string, target = '/report'): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: path, path: target, method: 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.once('error', reject);
    call.end(body);
  });
}

describe('banata-complete-task', () => {
  test('hands in all fields', async () => {
    const flags = ['--url', 'https://example.com', '--steps', '6', '--duration', '45000'];
    const json = ['--actions', '["a","b"]', '--usage', '{"tokens":5}'];
    const { code, out } = await complete(
      '--result',
      'Done',
      '--report',
      String.raw`1. a\n2. b`,
      ...flags,
      ...json,
    );
    expect({ code, out }).toEqual({ code: 0, out: 'Report handed in: Done\n' });
    expect(reports).toEqual([
      {
        result: 'Done',
        report: '1. a\n2. b',
        url: 'https://example.com',
        stepsCompleted: 6,
        durationMs: 45_000,
        actions: ['a', 'b'],
        usage: { tokens: 5 },
      },
    ]);
  });

  test('takes single actions, and the report from a file or standard input', async () => {
    const file = join(folder, 'report.md');
    await writeFile(file, '1. a\n2. b');
    const actions = ['--actions', 'Click "Buy"', '--actions', '["Open it", "Read it"]'];
    await complete('--result', 'From a file', '--report-file', file, ...actions);
    await completeWith('1. c\n', '--result', 'From input', '--report', '-');
    await completeWith('1. d', '--result', 'From input', '--report-file', '-');
    expect(reports).toEqual([
      { result: 'From a file', report: '1. a\n2. b', actions: ['Click "Buy"', 'Open it', 'Read it'] },
      { result: 'From input', report: '1. c\n' },
      { result: 'From input', report: '1. d' },
    ]);
  });

  test('leaves a text with real line ends as it is', async () => {
    await complete('--result', 'Done', '--report', 'dir C:\\new\nnext');
    expect(reports[0]?.report).toBe('dir C:\\new\nnext');
  });

  test.each([
    [['--report', 'x'], '--result is required'],
    [['--result', 'x', '--report', ' '], '--report is required'],
    [['--result', 'x', '--report', 'x', '--steps', 'many'], '--steps takes a number, not "many"'],
    [['--result', 'x', '--report', 'x', '--actions', '[1]'], '--actions takes texts'],
    [['--result', 'x', '--report-file', '/no/such'], 'cannot be read from /no/such: ENOENT'],
    [['--result', 'x', '--report', 'x', '--report-file', '/dev/null'], '--report-file are two ways'],
    [['--result', 'x', '--report', 'x', '--usage', 'nonsense'], '--usage takes a JSON object'],
    [['--nonsense'], '--nonsense'],
  ])('refuses %j and shows how it is used', async (args, problem) => {
    const { code, err } = await complete(...args);
    expect(code).toBe(2);
    expect(err).toContain(problem);
    expect(err).toContain('Example:\n  banata-complete-task --result');
    expect(reports).toEqual([]);
  });

  test('says what to do when there is no daemon', async () => {
    await socket.close();
    const { code, err } = await complete('--result', 'x', '--report', 'x');
    expect(code).toBe(1);
    expect(err).toContain('could not be handed in');
  });
});

describe('banata-publish-artifact', () => {
  const asked = async () => {
    while (journal.length === 0) await sleep(5);
    return journal[0] ?? expect.unreachable();
  };

  test('asks the server and prints the key', async () => {
    const running = publish('sub/../report.pdf', '--name', 'final.pdf');
    const { requestId, ...wanted } = await asked();
    expect(wanted).toEqual({ path: join(folder, 'report.pdf'), name: 'final.pdf' });
    expect(desk.answer(requestId, { ok: true, key: 'files/final.pdf', size: 12 })).toBe(true);
    expect(await running).toEqual({ code: 0, out: 'Published files/final.pdf (12 bytes)\n', err: '' });
    expect(desk.answer(requestId, { ok: true, key: 'files/final.pdf', size: 12 })).toBe(false);
  });

  test('says why it was not published', async () => {
    const running = publish('/nowhere', '--format', 'tar.zst');
    const { requestId } = await asked();
    desk.answer(requestId, { ok: false, error: 'There is no /nowhere' });
    const { code, err } = await running;
    expect([code, err]).toEqual([
      1,
      'banata-publish-artifact: /nowhere was not published: There is no /nowhere\n',
    ]);
  });

  test('asks again for a server that forgot, and stops when nobody waits', async () => {
    const running = publish('x');
    await asked();
    while (journal.length < 3) await sleep(5);
    expect(new Set(journal.map(({ requestId }) => requestId)).size).toBe(1);
    running.end();
    await running;
    await expect.poll(() => desk.answer(journal[0]?.requestId ?? '', { ok: false, error: 'x' })).toBe(false);
    const asks = journal.length;
    await sleep(250);
    expect(journal.length).toBe(asks);
  });

  test.each([
    [[], 'one PATH is required'],
    [['a', 'b'], 'one PATH is required'],
    [['a', '--name', 'b/c'], '--name takes a file name'],
    [['a', '--format', 'rar'], '--format is zip or tar.zst'],
  ])('refuses %j and shows how it is used', async (args, problem) => {
    const { code, err } = await publish(...args);
    expect(code).toBe(2);
    expect(err).toContain(problem);
    expect(err).toContain('Example:\n  banata-publish-artifact');
    expect(journal).toEqual([]);
  });
});

describe('banata-request-handoff', () => {
  const ask = (...more: string[]) =>
    run('banata-request-handoff', ['--reason', 'mfa', '--message', 'Please.', ...more]);

  test('asks with a form', async () => {
    const fields = ['--field', 'user:E-mail: the one at work:text', '--field', 'password:Password:password'];
    const { code } = await ask(...fields, '--selector', 'user=input[name=a:b]', '--deliver', 'type');
    expect(code).toBe(0);
    expect((await ask('--field', 'code:Code:otp')).code).toBe(0);
    expect(wishes).toMatchObject([
      {
        deliver: 'type',
        fields: [
          { name: 'user', label: 'E-mail: the one at work', kind: 'text', selector: 'input[name=a:b]' },
          { name: 'password', label: 'Password', kind: 'password' },
        ],
      },
      { deliver: 'placeholder', fields: [{ name: 'code', label: 'Code', kind: 'otp' }] },
    ]);
  });

  test.each([
    [['--field', 'code:otp'], 'is not NAME:LABEL:KIND'],
    [['--field', 'Code:Code:otp'], 'is not NAME:LABEL:KIND'],
    [['--field', 'code:Code:pin'], 'is not NAME:LABEL:KIND'],
    [['--field', 'code:Code:otp', '--deliver', 'mail'], '--deliver is one of'],
    [['--field', 'code:Code:otp', '--selector', 'other=#x'], 'is not NAME=CSS'],
    [['--deliver', 'type'], 'need --field'],
  ])('a form that is none is told of: %j', async (args, problem) => {
    const { code, err } = await ask(...args);
    expect([code, wishes]).toEqual([2, []]);
    expect(err).toContain(problem);
  });

  test('two fields of one name are refused by the daemon', async () => {
    const { code, err } = await ask('--field', 'code:A:otp', '--field', 'code:B:otp');
    expect([code, wishes]).toEqual([1, []]);
    expect(err).toContain('a name of its own');
  });

  test('hands in what the person is to do, and tells the agent to end its turn', async () => {
    const args = [
      '--reason',
      'mfa',
      '--message',
      'Enter the code.',
      '--resume',
      'Go on.',
      '--expires',
      '60000',
    ];
    const { code, out, err } = await run('banata-request-handoff', args);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('End your turn now');
    const wish = { reason: 'mfa', message: 'Enter the code.', resumePrompt: 'Go on.', expiresInMs: 60_000 };
    expect(wishes).toEqual([wish]);
  });

  test.each([
    [['--message', 'x'], '--reason is one of'],
    [['--reason', 'bored', '--message', 'x'], '--reason is one of'],
    [['--reason', 'mfa'], '--message is required'],
    [['--reason', 'mfa', '--message', 'x', '--expires', 'soon'], '--expires takes milliseconds'],
  ])('refuses %j and shows how it is used', async (args, problem) => {
    const { code, err } = await run('banata-request-handoff', args);
    expect(code).toBe(2);
    expect(err).toContain(problem);
    expect(wishes).toEqual([]);
  });
});

describe('the socket', () => {
  test('is open to its account and root only', async () => {
    expect((await stat(path)).mode & 0o777).toBe(0o660);
  });

  test.each([
    ['not json', '/report', 400],
    ['{"result":1,"report":"x"}', '/report', 400],
    ['{}', '/other', 404],
    [JSON.stringify({ result: 'x', report: 'y'.repeat(1024 * 1024) }), '/report', 413],
  ])('refuses %.30s to %s with %d', async (body, target, status) => {
    expect((await post(body, target)).status).toBe(status);
    expect(reports).toEqual([]);
  });

  test('takes 30 reports a minute', async () => {
    const body = JSON.stringify({ result: 'x', report: 'y' });
    for (let i = 0; i < 30; i += 1) expect((await post(body)).status).toBe(200);
    expect((await post(body)).status).toBe(429);
  });
});

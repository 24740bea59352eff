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

const COMMAND = fileURLToPath(new URL('../../../box/bin/banata-complete-task', import.meta.url));

let folder: string;
let path: string;
let socket: ReportSocket;
let reports: SubmittedReport[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-report-'));
  path = join(folder, 'agent.sock');
  reports = [];
  const { uid, gid, username } = userInfo();
  socket = new ReportSocket({
    path,
    account: { name: username, uid, gid, home: folder },
    logger: createLogger({ write: () => undefined }),
    submit: async (report) => {
      reports.push(report);
      return 'task-1';
    },
  });
  await socket.open();
});

afterEach(async () => {
  await socket.close();
  await rm(folder, { recursive: true });
});

function complete(...args: string[]): Promise<Ended> {
  return completeWith('', ...args);
}

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function completeWith(input: string, ...args: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', BANATA_AGENT_SOCKET: path };
  const child = spawn(process.execPath, [COMMAND, ...args], { env, stdio: 'pipe' });
  child.stdin.on('error', () => undefined).end(input);
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
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

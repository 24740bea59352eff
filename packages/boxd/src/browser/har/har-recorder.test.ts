import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CdpBroker } from '../cdp-broker.ts';
import { HarRecorder } from './har-recorder.ts';

let stateDir: string;
let broker: CdpBroker;
let sent: { method: string; params: Record<string, unknown>; sessionId?: string }[];
let isHeld: boolean;
let recorder: HarRecorder;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'banata-har-'));
  sent = [];
  isHeld = false;
  const input = new PassThrough();
  input.on('data', (chunk: Buffer) => {
    for (const message of chunk.toString().split('\0').filter(Boolean)) sent.push(JSON.parse(message));
  });
  broker = new CdpBroker({
    input,
    output: new PassThrough(),
    policy: () => undefined,
    onEvent: () => undefined,
    onEnd: () => undefined,
  });
  recorder = new HarRecorder({ stateDir, isHeld: () => isHeld });
  recorder.follow(broker);
});

afterEach(async () => {
  broker.close('over');
  await rm(stateDir, { recursive: true, force: true });
});

function attach(sessionId: string, targetId: string, type = 'page'): void {
  const params = { sessionId, targetInfo: { targetId, type }, waitingForDebugger: true };
  recorder.handle({ method: 'Target.attachedToTarget', params, sessionId: undefined });
}

function request(id: string, url: string, more: object = {}): void {
  const headers = { Cookie: 'login=ada', Accept: '*/*', Authorization: 'Bearer canary' };
  const params = {
    requestId: id,
    timestamp: 10,
    wallTime: 1_775_000_000,
    type: 'Document',
    request: { method: 'GET', url, headers },
    ...more,
  };
  recorder.handle({ method: 'Network.requestWillBeSent', params, sessionId: 'page' });
}

function answer(id: string, status: number): void {
  const response = { status, headers: { 'set-cookie': 'login=ada', etag: 'x' }, mimeType: 'text/html' };
  const received = { requestId: id, response };
  recorder.handle({ method: 'Network.responseReceived', params: received, sessionId: 'page' });
  const finished = { requestId: id, timestamp: 10.25, encodedDataLength: 120 };
  recorder.handle({ method: 'Network.loadingFinished', params: finished, sessionId: 'page' });
}

interface Har {
  log: {
    entries: {
      time: number;
      request: { url: string; headers: { name: string }[]; queryString: object[] };
      response: { status: number; redirectURL: string; headers: { name: string }[]; _error?: string };
    }[];
  };
}

async function har(): Promise<Har['log']['entries']> {
  const content = await text(await recorder.read());
  expect(content).not.toMatch(/canary|login=ada/);
  return (JSON.parse(content) as Har).log.entries;
}

test('a new page waits until it is watched, then goes on; a second session on it is not ours', async () => {
  attach('page', 'target');
  await expect.poll(() => sent.length).toBe(4);
  expect(sent.map(({ method, sessionId }) => [method, sessionId])).toEqual([
    ['Target.setAutoAttach', undefined],
    ['Network.enable', 'page'],
    ['Target.setAutoAttach', 'page'],
    ['Runtime.runIfWaitingForDebugger', 'page'],
  ]);
  attach('of the agent', 'target');
  attach('worker', 'other', 'worker');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(sent).toHaveLength(4);
});

test('requests with redirects and failures, without cookies and credentials', async () => {
  attach('page', 'target');
  request('1', 'https://shop.example/moved?a=1&b=2');
  request('1', 'https://shop.example/login', {
    timestamp: 10.1,
    redirectResponse: { status: 302, headers: { Location: '/login' } },
  });
  answer('1', 200);
  request('2', 'https://closed.example/');
  const failed = { requestId: '2', timestamp: 11, errorText: 'net::ERR_CONNECTION_REFUSED' };
  recorder.handle({ method: 'Network.loadingFailed', params: failed, sessionId: 'page' });
  request('3', 'data:text/html,hello');
  answer('3', 200);
  const [moved, login, closed, ...others] = await har();
  expect(others).toEqual([]);
  expect(moved).toMatchObject({
    request: { url: 'https://shop.example/moved?a=1&b=2', queryString: [{ name: 'a' }, { name: 'b' }] },
    response: { status: 302, redirectURL: '/login' },
  });
  expect(login).toMatchObject({ response: { status: 200 } });
  expect(login?.request.headers).toEqual([{ name: 'Accept', value: '*/*' }]);
  expect(login?.response.headers).toEqual([{ name: 'etag', value: 'x' }]);
  expect(closed?.response).toMatchObject({ status: 0, _error: 'net::ERR_CONNECTION_REFUSED' });
});

test('what a person does is left out, and so is what is no event of the protocol', async () => {
  attach('page', 'target');
  isHeld = true;
  request('1', 'https://bank.example/');
  isHeld = false;
  answer('1', 200);
  recorder.handle({ method: 'Network.requestWillBeSent', params: { requestId: 7 }, sessionId: 'page' });
  recorder.handle({ method: 'Network.loadingFinished', params: null, sessionId: 'page' });
  expect(await har()).toEqual([]);
});

test('entries of a daemon that was killed are kept, but for the one it was writing', async () => {
  attach('page', 'target');
  request('1', 'https://shop.example/first');
  answer('1', 200);
  expect(await har()).toHaveLength(1);
  await appendFile(join(stateDir, 'har/entries'), '{"request":{"url":"https://shop.ex\n');
  const next = new HarRecorder({ stateDir, isHeld: () => false });
  recorder = next;
  next.follow(broker);
  attach('page', 'target');
  request('2', 'https://shop.example/second');
  answer('2', 200);
  expect((await har()).map((entry) => entry.request.url)).toEqual([
    'https://shop.example/first',
    'https://shop.example/second',
  ]);
});

test('a page that asks for ever fills the file to its bound', async () => {
  attach('page', 'target');
  const url = `https://shop.example/${'x'.repeat(8_000)}`;
  for (let index = 0; index < 6_000; index += 1) {
    request(String(index), url);
    answer(String(index), 200);
    if (index % 200 === 0) await recorder.read();
  }
  const content = await text(await recorder.read());
  expect(content.length).toBeLessThan(33 * 1024 * 1024);
  expect((JSON.parse(content) as { log: { comment: string } }).log.comment).toMatch(
    /requests were left out$/,
  );
});

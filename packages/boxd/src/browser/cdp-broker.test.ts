import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { CdpBroker } from './cdp-broker.ts';
import type { OwnEvent } from './cdp-broker.ts';
import { WebSocketAcceptor } from './web-socket.ts';

interface Command {
  id: number;
  method: string;
  params?: Record<string, unknown>;
  sessionId?: string;
}

/** The other end of the debugging pipe: attaches every client and echoes the rest. */
class Peer {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly seen: Command[] = [];
  readonly sessions: string[] = [];

  constructor() {
    let text = '';
    this.input.on('data', (chunk: Buffer) => {
      const parts = (text + chunk.toString()).split('\0');
      text = parts.pop()!;
      for (const part of parts) this.#answer(JSON.parse(part) as Command);
    });
  }

  send(message: object): boolean {
    return this.output.write(`${JSON.stringify(message)}\0`);
  }

  #answer(command: Command): void {
    this.seen.push(command);
    if (command.method === 'Test.silence') return;
    if (command.method === 'Target.attachToBrowserTarget') {
      const sessionId = (this.sessions.length + 1).toString(16).toUpperCase().padStart(32, '0');
      this.sessions.push(sessionId);
      this.send({ id: command.id, result: { sessionId } });
    } else {
      const { id, method, sessionId } = command;
      this.send({ id, result: { method }, ...(sessionId === undefined ? {} : { sessionId }) });
    }
  }
}

let peer: Peer;
let broker: CdpBroker;
let server: Server;
let ends: string[];
let events: OwnEvent[];

beforeEach(async () => {
  peer = new Peer();
  ends = [];
  events = [];
  broker = new CdpBroker({
    input: peer.input,
    output: peer.output,
    policy: () => undefined,
    onEvent: (event) => events.push(event),
    onEnd: (reason) => ends.push(reason),
  });
  const acceptor = new WebSocketAcceptor({ maxPayload: 1024 * 1024 });
  server = createServer();
  server.on('upgrade', (request, socket, head) => {
    acceptor.accept(request, socket, head, (client) => broker.connect(client, 'client'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  broker.close('the test is over');
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function connect(): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(client, 'open');
  return client;
}

async function ask(client: WebSocket, method: string): Promise<unknown> {
  client.send(JSON.stringify({ id: 1, method }));
  const [data] = (await once(client, 'message')) as [Buffer];
  return JSON.parse(data.toString());
}

test('several clients and the daemon speak at once', async () => {
  const [one, two] = await Promise.all([connect(), connect()]);
  const answers = await Promise.all([ask(one, 'A.one'), ask(two, 'A.two'), broker.call('A.own')]);
  expect(answers).toEqual([
    { id: 1, result: { method: 'A.one' } },
    { id: 1, result: { method: 'A.two' } },
    { method: 'A.own' },
  ]);
  peer.send({ method: 'B.happened', params: {} });
  await expect.poll(() => events).toMatchObject([{ method: 'B.happened' }]);
});

test('a client that leaves is detached', async () => {
  const client = await connect();
  await ask(client, 'A.b');
  client.close();
  await expect
    .poll(() => peer.seen.at(-1))
    .toMatchObject({
      method: 'Target.detachFromTarget',
      params: { sessionId: peer.sessions[0] },
    });
});

test('a client that does not read is closed, the others go on', async () => {
  const [slow, good] = [await connect(), await connect()];
  await ask(slow, 'A.b');
  await ask(good, 'A.b');
  slow.pause();
  const closed = once(slow, 'close');
  const params = { fill: 'x'.repeat(4 * 1024 * 1024) };
  for (let i = 0; i < 40; i += 1) {
    if (!peer.send({ method: 'Page.frame', params, sessionId: peer.sessions[0] }))
      await once(peer.output, 'drain');
  }
  await expect.poll(() => peer.seen.at(-1)?.method, { timeout: 10_000 }).toBe('Target.detachFromTarget');
  expect(await ask(good, 'A.after')).toEqual({ id: 1, result: { method: 'A.after' } });
  slow.resume();
  await closed;
}, 30_000);

test('an overlong message closes its client alone', async () => {
  const [rude, good] = [await connect(), await connect()];
  rude.on('error', () => {});
  rude.send(JSON.stringify({ id: 1, method: 'A.b', params: { fill: 'x'.repeat(2 * 1024 * 1024) } }));
  await once(rude, 'close');
  expect(await ask(good, 'A.b')).toEqual({ id: 1, result: { method: 'A.b' } });
});

test('a call that is not answered ends in time', async () => {
  const call = broker.call('Test.silence', {}, { timeoutMs: 50 });
  await expect(call).rejects.toMatchObject({ status: 504, code: 'BROWSER_TIMEOUT' });
});

test('the end of the pipe closes clients and calls, and is told once', async () => {
  const client = await connect();
  await ask(client, 'A.b');
  const call = broker.call('Test.silence');
  peer.output.destroy();
  await expect(call).rejects.toMatchObject({ code: 'BROWSER_RESTARTING' });
  const [code] = (await once(client, 'close')) as [number];
  expect(code).toBe(1012);
  expect(ends).toHaveLength(1);
  await expect(broker.call('A.b')).rejects.toMatchObject({ code: 'BROWSER_RESTARTING' });
  const late = await connect();
  const [lateCode] = (await once(late, 'close')) as [number];
  expect(lateCode).toBe(1012);
});

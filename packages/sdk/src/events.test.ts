import type { ServerResponse } from 'node:http';
import { afterEach, expect, test, vi } from 'vitest';
import { BanataSandbox } from './client.ts';
import {
  openStream,
  sendJson,
  startTestServer,
  type Handler,
  type TestServer,
} from './testing/http-server.ts';

let server: TestServer | undefined;

afterEach(async () => {
  vi.useRealTimers();
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

async function clientOf(handler: Handler, maxRetries = 3): Promise<BanataSandbox> {
  server = await startTestServer(handler);
  const retry = { maxRetries, baseDelayMs: 1, maxDelayMs: 2 };
  return new BanataSandbox({ apiKey: 'br_live_x', baseUrl: server.url, retry });
}

function send(response: ServerResponse, number: number): void {
  const cursor = `${number}-1`;
  const event = { id: `e${number}`, sandboxId: 's1', seq: 1, type: 'sandbox.created', data: {}, cursor };
  response.write(`id: ${cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

test('a page is asked for with its filters', async () => {
  const banata = await clientOf((_request, response) =>
    sendJson(response, 200, { data: [], nextCursor: null }),
  );
  await banata.events.list({ types: ['sandbox.created', 'sandbox.ended'], order: 'desc', after: '4-1' });
  expect(Object.fromEntries(server?.seen[0]?.query ?? [])).toEqual({
    type: 'sandbox.created,sandbox.ended',
    order: 'desc',
    after: '4-1',
  });
});

test('following begins after the newest event and goes on where a connection broke', async () => {
  let connections = 0;
  const banata = await clientOf((request, response) => {
    if (!request.headers.accept?.includes('event-stream'))
      return sendJson(response, 200, { data: [], nextCursor: '7-1' });
    connections += 1;
    openStream(response);
    // The first one breaks before it has told anything, the second one in the middle.
    if (connections === 1) return void response.destroy();
    send(response, connections + 6);
    if (connections === 2) response.end('data: {"cut');
  });
  const cursors: string[] = [];
  for await (const event of banata.events.follow({ types: ['sandbox.created'] })) {
    cursors.push(event.cursor);
    if (cursors.length === 2) break;
  }
  expect(cursors).toEqual(['8-1', '9-1']);
  const [page, ...streams] = server?.seen ?? [];
  expect(Object.fromEntries(page?.query ?? [])).toEqual({ order: 'desc', limit: '1' });
  expect(streams.map(({ headers }) => headers['last-event-id'])).toEqual(['7-1', '7-1', '8-1']);
  expect(streams[0]?.query.get('type')).toBe('sandbox.created');
});

test('an organization without events is followed from the beginning, and an abort ends it', async () => {
  const banata = await clientOf((request, response) => {
    if (!request.headers.accept?.includes('event-stream'))
      return sendJson(response, 200, { data: [], nextCursor: null });
    openStream(response);
    send(response, 1);
  });
  const stop = new AbortController();
  const followed = banata.events.follow({ signal: stop.signal });
  expect((await followed.next()).value).toMatchObject({ cursor: '1-1' });
  expect(server?.seen[1]?.headers['last-event-id']).toBe('0-0');
  stop.abort(new Error('enough'));
  await expect(followed.next()).rejects.toThrow('enough');
});

test('a refusal ends it; a server that closes it again and again too', async () => {
  const refused = await clientOf((_request, response) =>
    sendJson(response, 403, { error: 'no', code: 'PERMISSION_DENIED', suggestion: 'Ask.' }),
  );
  await expect(refused.events.follow({ after: '1-1' }).next()).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  await server?.[Symbol.asyncDispose]();
  const closed = await clientOf((_request, response) => {
    openStream(response);
    response.end();
  }, 2);
  await expect(closed.events.follow({ after: '1-1' }).next()).rejects.toMatchObject({
    code: 'NETWORK_ERROR',
  });
  expect(server?.seen).toHaveLength(3);
});

/** A server that gives one event, is away for a number of tries, and gives the next one. */
function away(tries: number, onAway: () => void = () => undefined): Handler {
  let connections = 0;
  return (_request, response) => {
    connections += 1;
    if (connections > 1 && connections <= tries + 1) {
      onAway();
      return void response.destroy();
    }
    openStream(response);
    send(response, connections === 1 ? 1 : 2);
    // As a server does that stops in order.
    response.end();
  };
}

test('a server that was reached is waited for longer than the retries last, but not for ever', async () => {
  const returning = await clientOf(away(20), 2);
  const followed = returning.events.follow({ after: '0-0' });
  expect((await followed.next()).value).toMatchObject({ cursor: '1-1' });
  expect((await followed.next()).value).toMatchObject({ cursor: '2-1' });
  await followed.return(undefined);
  await server?.[Symbol.asyncDispose]();

  vi.useFakeTimers({ toFake: ['Date'] });
  const gone = await clientOf(
    away(Infinity, () => vi.setSystemTime(Date.now() + 25_000)),
    2,
  );
  const waiting = gone.events.follow({ after: '0-0' });
  await waiting.next();
  await expect(waiting.next()).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  expect(server?.seen).toHaveLength(4);
});

test('a server that was never reached is tried as often as the retries say; without retries, nothing is', async () => {
  const never = await clientOf((_request, response) => void response.destroy(), 2);
  await expect(never.events.follow({ after: '0-0' }).next()).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  expect(server?.seen).toHaveLength(3);
  await server?.[Symbol.asyncDispose]();

  const once = await clientOf(away(20), 0);
  const followed = once.events.follow({ after: '0-0' });
  await followed.next();
  await expect(followed.next()).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  expect(server?.seen).toHaveLength(1);
});

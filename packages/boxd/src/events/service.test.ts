import type { BoxEventBody } from '@banata/protocol/box';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Router } from '../http/router.ts';
import { HttpServer } from '../http/server.ts';
import { createLogger } from '../logger.ts';
import { Journal } from './journal.ts';
import { createEventsService } from './service.ts';

const token = 'b'.repeat(40);
const failed = (reason: string): BoxEventBody => ({ type: 'browser.failed', data: { reason } });

let directory: string;
let journal: Journal;
let server: HttpServer;
let url: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banata-events-'));
  journal = new Journal({ directory, segmentBytes: 2000, totalBytes: 100_000 });
  await journal.open();
  const logger = createLogger({ write: () => undefined });
  const router = new Router({ routes: createEventsService({ journal, logger }).routes });
  server = new HttpServer({ token, router, journalCursor: () => journal.newestCursor, logger });
  url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}/events`;
});

afterEach(async () => {
  await server.close(50);
  await journal.close();
  await rm(directory, { recursive: true, force: true });
});

/** Reads a stream until it has this many events. */
async function collect(
  query: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<string[]> {
  const init = { headers: { authorization: `Bearer ${token}`, ...headers } };
  const response = await fetch(url + query, init);
  expect(response.status).toBe(200);
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const ids = [...text.matchAll(/^id: (\d+)\ndata: .*"reason":"(.*)"/gm)].map(
      ([, id, reason]) => `${id} ${reason}`,
    );
    // Leaving the loop cancels the stream.
    if (ids.length >= count) return ids;
  }
  throw new Error(`The stream ended: ${text}`);
}

describe('GET /events', () => {
  test('sends what was there and what comes, to several readers', async () => {
    for (const reason of ['a', 'b', 'c']) await journal.append(failed(reason));
    const readers = [collect('?after=1', 4), collect('', 5), collect('', 3, { 'last-event-id': '2' })];
    await new Promise((resolve) => setTimeout(resolve, 50));
    await journal.append(failed('d'));
    await journal.append(failed('e'));
    expect(await Promise.all(readers)).toEqual([
      ['2 b', '3 c', '4 d', '5 e'],
      ['1 a', '2 b', '3 c', '4 d', '5 e'],
      ['3 c', '4 d', '5 e'],
    ]);
  });

  test('crosses files under a steady load without a gap', async () => {
    const reading = collect('?after=0', 300);
    for (let index = 0; index < 100; index++) {
      await Promise.all(['x', 'y', 'z'].map((letter) => journal.append(failed(letter.repeat(30)))));
    }
    const ids = (await reading).map((line) => Number.parseInt(line, 10));
    expect(ids).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
  });

  test.each([
    ['?after=-1', 400, 'INVALID_FIELD'],
    ['?after=x', 400, 'INVALID_FIELD'],
    ['?after=9', 410, 'CURSOR_AHEAD'],
  ])('answers %s with %i', async (query, status, code) => {
    const response = await fetch(url + query, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
  });

  test('answers 410 when the entries are gone', async () => {
    for (let index = 0; index < 200; index++) await journal.append(failed('x'.repeat(1000)));
    const response = await fetch(`${url}?after=1`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({ code: 'CURSOR_TOO_OLD' });
  });
});

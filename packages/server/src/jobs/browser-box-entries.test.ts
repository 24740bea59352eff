import type { BoxEvent, BoxEventBody } from '@banata/protocol/box';
import { expect, test } from 'vitest';
import { browserBoxEntries } from './browser-box-entries.ts';

const READY_AT = 1_000;
const download: Extract<BoxEventBody, { type: 'browser.download' }> = {
  type: 'browser.download',
  data: {
    state: 'completed',
    url: 'https://shop.example/a',
    fileName: 'a',
    path: '/workspace/downloads/a',
    bytes: 1,
  },
};

function entry(cursor: number, at: number, body: object): BoxEvent {
  return { cursor, at, body: body as BoxEventBody };
}

test('a paired browser tells of itself and of nothing else', () => {
  const batch = [
    entry(1, READY_AT - 10, { type: 'browser.ready', data: {} }),
    entry(2, READY_AT + 1, { type: 'artifact.requested', data: {} }),
    entry(3, READY_AT + 2, { type: 'handoff.requested', data: {} }),
    entry(4, READY_AT + 3, download),
    entry(5, READY_AT + 4, { type: 'browser.restarting', data: { reason: 'SIGSEGV' } }),
    entry(6, READY_AT + 5, { type: 'browser.ready', data: {} }),
  ];
  const kept = browserBoxEntries({ paired_with: 'sandbox', ready_at: READY_AT }, batch);
  expect(kept.map(({ cursor }) => cursor)).toEqual([4, 5, 6]);
});

test('a session by itself is told of as ready by its own events only', () => {
  const again = entry(1, READY_AT + 5, { type: 'browser.ready', data: {} });
  expect(browserBoxEntries({ paired_with: null, ready_at: READY_AT }, [again])).toEqual([]);
});

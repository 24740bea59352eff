import { expect, test } from 'vitest';
import { byOrdinal, byTime, decodeCursor, toPage } from './cursor.ts';

const rows = [3, 2, 1].map((number) => ({ id: `r${number}`, created_at: number, ordinal: number }));

test('a page that is not the last one ends with the place of its last row', () => {
  const page = toPage(rows, 2, byTime);
  expect(page.rows.map(({ id }) => id)).toEqual(['r3', 'r2']);
  expect(decodeCursor(page.nextCursor ?? '', 'number', 'string')).toEqual([2, 'r2']);
  expect(decodeCursor(toPage(rows, 1, byOrdinal).nextCursor ?? '', 'number')).toEqual([3]);
});

test('the last page has no place to go on from, also when it is full or empty', () => {
  expect(toPage(rows, 3, byOrdinal)).toEqual({ rows, nextCursor: null });
  expect(toPage(rows, 4, byOrdinal)).toEqual({ rows, nextCursor: null });
  expect(toPage([], 2, byTime)).toEqual({ rows: [], nextCursor: null });
});

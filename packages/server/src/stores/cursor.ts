import { ApiError } from '@banata/protocol';
import { z } from 'zod';

/** One page of a listing. */
export interface Page<T> {
  rows: T[];
  /** Passed back as `cursor` to go on; null at the end. */
  nextCursor: string | null;
}

const parts = {
  number: z.int(),
  // PostgreSQL takes no NUL in text.
  string: z.string().regex(/^[^\0]*$/),
};
interface Part {
  number: number;
  string: string;
}

/**
 * The page of a listing that was asked for with one row more than the page holds, which tells whether there is another.
 * @param found the rows, at most `limit + 1`.
 * @param key sort key of a row, as `decodeCursor` gives it back.
 */
export function toPage<T>(found: T[], limit: number, key: (row: T) => (string | number)[]): Page<T> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return { rows, nextCursor: found.length > limit && last !== undefined ? encodeCursor(key(last)) : null };
}

/** Sort key of rows that are listed by the time they were made. */
export function byTime(row: { created_at: number; id: string }): [number, string] {
  return [row.created_at, row.id];
}

/** Sort key of rows that are listed by their order of arrival. */
export function byOrdinal(row: { ordinal: number }): [number] {
  return [row.ordinal];
}

/** The sort key of the last row of a page, in a form that callers do not take apart. */
export function encodeCursor(parts: (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @throws {ApiError} INVALID_REQUEST when the cursor is not made of parts of these kinds. */
export function decodeCursor<const T extends (keyof Part)[]>(
  cursor: string,
  ...kinds: T
): { [I in keyof T]: Part[T[I]] } {
  try {
    const found = z
      .array(z.unknown())
      .length(kinds.length)
      .parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    return kinds.map((kind, index) => parts[kind].parse(found[index])) as { [I in keyof T]: Part[T[I]] };
  } catch (cause) {
    throw new ApiError(
      'INVALID_REQUEST',
      'Invalid cursor. Pass back the nextCursor of the page before, unchanged.',
      { cause, details: { field: 'cursor' } },
    );
  }
}

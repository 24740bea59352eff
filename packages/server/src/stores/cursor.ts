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

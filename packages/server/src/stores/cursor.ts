import { ApiError } from '@banata/protocol';
import { z } from 'zod';

/** One page of a listing. */
export interface Page<T> {
  rows: T[];
  /** Passed back as `cursor` to go on; null at the end. */
  nextCursor: string | null;
}

const partsSchema = z.array(z.union([z.string(), z.number()])).min(1);

/** The sort key of the last row of a page, in a form that callers do not take apart. */
export function encodeCursor(parts: (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

export function decodeCursor(cursor: string): (string | number)[] {
  try {
    return partsSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new ApiError(
      'INVALID_REQUEST',
      'Invalid cursor. Pass back the nextCursor of the page before, unchanged.',
      { cause },
    );
  }
}

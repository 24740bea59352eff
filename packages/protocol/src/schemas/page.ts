import { z } from 'zod';

/**
 * Query fields of a route that answers a list page by page.
 * @param size.most most items of a page.
 * @param size.usual items of a page where the caller names no number.
 */
export function pageFields({ most, usual }: { most: number; usual: number }) {
  return {
    limit: z.coerce.number().int().min(1).max(most).default(usual),
    cursor: z.string().max(200).optional().describe('`nextCursor` of the page before.'),
  };
}

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    nextCursor: z.string().nullable().describe('Leads to the next page; null on the last one.'),
  });
}

import { sql, type SelectQueryBuilder } from 'kysely';
import { byTime, decodeCursor, toPage, type Page } from './cursor.ts';

/**
 * A page of the rows of one table, the newest first.
 * @param query which rows; without order and limit.
 * @throws {ApiError} INVALID_REQUEST for a cursor that is none.
 */
export async function newestFirst<DB, TB extends keyof DB, Row extends { created_at: number; id: string }>(
  query: SelectQueryBuilder<DB, TB, Row>,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page<Row>> {
  let page = query
    .orderBy(sql`created_at`, 'desc')
    .orderBy(sql`id`, 'desc')
    .limit(limit + 1);
  if (cursor !== undefined) {
    const [createdAt, id] = decodeCursor(cursor, 'number', 'string');
    page = page.where(sql<boolean>`(created_at, id) < (${createdAt}, ${id})`);
  }
  return toPage(await page.execute(), limit, byTime);
}

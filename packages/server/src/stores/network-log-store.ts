import type { Connection } from '@banata/protocol';
import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ConnectionSink, LoggedConnection } from '../services/network/connection-log.ts';
import { decodeCursor, toPage, type Page } from './cursor.ts';
import { storableText } from './text.ts';

/** Rows of one statement: PostgreSQL takes 65,535 parameters. */
const BATCH = 1_000;

/** Connections of sandboxes. */
export class NetworkLogStore implements ConnectionSink {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(entries: readonly LoggedConnection[]): Promise<(number | undefined)[]> {
    const present = await this.#present(entries);
    const ids: (number | undefined)[] = [];
    for (let start = 0; start < entries.length; start += BATCH) {
      const batch = entries.slice(start, start + BATCH);
      const rows = batch.filter(({ sandboxId }) => present.has(sandboxId)).map(toRow);
      const inserted =
        rows.length === 0
          ? []
          : await this.#db.insertInto('network_log').values(rows).returning('id').execute();
      let next = 0;
      for (const { sandboxId } of batch) {
        ids.push(present.has(sandboxId) ? inserted[next]?.id : undefined);
        if (present.has(sandboxId)) next += 1;
      }
    }
    return ids;
  }

  async #present(entries: readonly LoggedConnection[]): Promise<Set<string>> {
    const ids = [...new Set(entries.map(({ sandboxId }) => sandboxId))];
    const rows = await this.#db.selectFrom('sandboxes').select('id').where('id', 'in', ids).execute();
    return new Set(rows.map(({ id }) => id));
  }

  async setBytes(rows: readonly { id: number; bytesSent: number; bytesReceived: number }[]): Promise<void> {
    for (let start = 0; start < rows.length; start += BATCH) {
      const batch = rows.slice(start, start + BATCH);
      await sql`
        update network_log set bytes_sent = change.sent, bytes_received = change.received
        from unnest(
          ${batch.map(({ id }) => id)}::bigint[],
          ${batch.map(({ bytesSent }) => bytesSent)}::bigint[],
          ${batch.map(({ bytesReceived }) => bytesReceived)}::bigint[]
        ) as change (id, sent, received)
        where network_log.id = change.id`.execute(this.#db);
    }
  }

  async prune(sandboxId: string, keep: number): Promise<void> {
    await this.#db
      .deleteFrom('network_log')
      .where('sandbox_id', '=', sandboxId)
      .where('id', '<=', (eb) =>
        eb
          .selectFrom('network_log')
          .select('id')
          .where('sandbox_id', '=', sandboxId)
          .orderBy('id', 'desc')
          .offset(keep)
          .limit(1),
      )
      .execute();
  }

  async list(
    sandboxId: string,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<Page<Connection>> {
    let query = this.#db
      .selectFrom('network_log')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .orderBy('id', 'desc')
      .limit(limit + 1);
    if (cursor !== undefined) query = query.where('id', '<', decodeCursor(cursor, 'number')[0]);
    const { rows, nextCursor } = toPage(await query.execute(), limit, ({ id }) => [id]);
    const connections = rows.map((row) => ({
      id: row.id,
      time: row.time,
      protocol: row.protocol,
      host: row.host,
      address: row.address,
      port: row.port,
      bytesSent: row.bytes_sent,
      bytesReceived: row.bytes_received,
      allowed: row.allowed,
      rule: row.rule,
    }));
    return { rows: connections, nextCursor };
  }
}

function toRow(entry: LoggedConnection) {
  return {
    sandbox_id: entry.sandboxId,
    time: entry.time,
    protocol: entry.protocol,
    host: entry.host === null ? null : storableText(entry.host),
    address: entry.address,
    port: entry.port,
    bytes_sent: entry.bytesSent,
    bytes_received: entry.bytesReceived,
    allowed: entry.allowed,
    rule: entry.rule,
  };
}

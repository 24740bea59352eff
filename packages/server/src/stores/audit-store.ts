import type { AuditEntry } from '@banata/protocol';
import type { Database } from '../database/connect.ts';
import type { AuditRow } from '../database/tables/access.ts';
import { byOrdinal, decodeCursor, toPage } from './cursor.ts';
import { storableJson, storableText } from './text.ts';

/** The audit log, which only grows: the database refuses changes. */
export class AuditStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async append(entries: { organizationId: string; entry: AuditEntry }[]): Promise<void> {
    await this.#db
      .insertInto('audit_log')
      .values(
        entries.map(({ organizationId, entry }) => ({
          id: entry.id,
          at: entry.at,
          organization_id: organizationId,
          actor_kind: entry.actor.kind,
          actor_id: entry.actor.id,
          actor_name: entry.actor.name === null ? null : storableText(entry.actor.name),
          route: entry.route,
          objects: storableJson(entry.objects),
          outcome: entry.outcome,
          status: entry.status,
          code: entry.code,
          ip: entry.ip,
          request_id: entry.requestId,
        })),
      )
      .execute();
  }

  /** Newest first. */
  async list(
    organizationId: string,
    options: {
      route?: string | undefined;
      actorId?: string | undefined;
      limit: number;
      cursor?: string | undefined;
    },
  ): Promise<{ data: AuditEntry[]; nextCursor: string | null }> {
    let query = this.#db
      .selectFrom('audit_log')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .orderBy('ordinal', 'desc')
      .limit(options.limit + 1);
    if (options.route !== undefined) query = query.where('route', '=', storableText(options.route));
    if (options.actorId !== undefined) query = query.where('actor_id', '=', storableText(options.actorId));
    if (options.cursor !== undefined)
      query = query.where('ordinal', '<', decodeCursor(options.cursor, 'number')[0]);
    const { rows, nextCursor } = toPage(await query.execute(), options.limit, byOrdinal);
    return { data: rows.map(toEntry), nextCursor };
  }
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
    route: row.route,
    objects: row.objects,
    outcome: row.outcome,
    status: row.status,
    code: row.code,
    ip: row.ip,
    requestId: row.request_id,
  };
}

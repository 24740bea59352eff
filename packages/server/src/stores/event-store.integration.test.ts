import type { EventType } from '@banata/protocol';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../database/connect.ts';
import { openTestDatabase, TestPostgres } from '../testing/database.ts';
import { seedOrganization, seedSandbox } from '../testing/seed.ts';
import { parseEventCursor, type EventPlace } from './event-cursor.ts';
import { EventStore, type NewEvent } from './event-store.ts';

const CREATED: NewEvent = { type: 'sandbox.created', data: {} };
const ENDED: NewEvent = { type: 'sandbox.ended', data: { reason: 'test' } };
const PAGE = { order: 'asc', limit: 100 } as const;

let postgres: TestPostgres;
let db: Database & AsyncDisposable;
let events: EventStore;
let organization: string;

beforeAll(async () => {
  postgres = await TestPostgres.startOwn();
  db = openTestDatabase(await postgres.create());
  events = new EventStore(db);
});
afterAll(async () => {
  await db?.[Symbol.asyncDispose]();
  await postgres?.close();
});
beforeEach(async () => {
  organization = await seedOrganization(db);
});

/** A transaction that appends an event at once and commits when it is told to. */
function openAppend(sandboxId: string, event: NewEvent) {
  const appended = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const done = db.transaction().execute(async (tx) => {
    await events.append(tx, sandboxId, [event], Date.now());
    appended.resolve();
    await commit.promise;
  });
  return { appended: appended.promise, commit: commit.resolve, done };
}

async function append(sandboxId: string, ...list: NewEvent[]): Promise<void> {
  await db.transaction().execute((tx) => events.append(tx, sandboxId, list, Date.now()));
}

describe('events of an organization', () => {
  test('a reader that goes on after the last event misses none when commits come out of order', async () => {
    const [first, second] = [await seedSandbox(db, organization), await seedSandbox(db, organization)];
    const early = openAppend(first, CREATED);
    await early.appended;
    const late = openAppend(second, CREATED);
    await late.appended;
    late.commit();
    await late.done;

    const seen = await events.listOrganization(organization, PAGE);
    expect(seen).toEqual([]);
    const start: EventPlace = { txn: 0, position: 0 };
    expect(await events.hasUnsettled(organization, { after: start })).toBe(true);

    early.commit();
    await early.done;
    const all = await events.listOrganization(organization, PAGE);
    expect(all.map((event) => event.sandboxId)).toEqual([first, second]);
    const last = parseEventCursor(all.at(-1)?.cursor ?? '');
    expect(last && (await events.hasUnsettled(organization, { after: last }))).toBe(false);
  });

  test('a sandbox’s events stay in sequence when an older transaction appends after a younger one', async () => {
    const sandbox = await seedSandbox(db, organization);
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const older = db.transaction().execute(async (tx) => {
      await sql`select pg_current_xact_id()`.execute(tx);
      begun.resolve();
      await go.promise;
      await events.append(tx, sandbox, [ENDED], Date.now());
    });
    await begun.promise;
    await append(sandbox, CREATED);
    expect(await events.listOrganization(organization, PAGE)).toEqual([]);
    go.resolve();
    await older;
    const seen = await events.listOrganization(organization, PAGE);
    expect(seen.map(({ type }) => type)).toEqual(['sandbox.created', 'sandbox.ended']);
  });

  test('pages in both directions meet, each event once', async () => {
    const sandboxes = await Promise.all([1, 2, 3].map(() => seedSandbox(db, organization)));
    await Promise.all(sandboxes.flatMap((id) => [append(id, CREATED, ENDED), append(id, CREATED)]));
    for (const order of ['asc', 'desc'] as const) {
      const ids: string[] = [];
      let after: EventPlace | undefined;
      for (;;) {
        const page = await events.listOrganization(organization, { order, limit: 2, after });
        if (page.length === 0) break;
        ids.push(...page.map((event) => event.id));
        after = parseEventCursor(page.at(-1)?.cursor ?? '');
      }
      expect(ids).toHaveLength(9);
      expect(new Set(ids).size).toBe(9);
    }
  });

  test('filters by type and sandbox, and never shows another organization’s', async () => {
    const [mine, other] = [await seedSandbox(db, organization), await seedSandbox(db, organization)];
    await append(mine, CREATED, ENDED);
    await append(other, CREATED);
    const typesOf = async (types: EventType[], sandboxId?: string) =>
      (await events.listOrganization(organization, { ...PAGE, types, sandboxId })).map(({ type }) => type);
    expect(await typesOf(['sandbox.ended'])).toEqual(['sandbox.ended']);
    expect(await typesOf(['sandbox.created', 'sandbox.ended'], mine)).toEqual([
      'sandbox.created',
      'sandbox.ended',
    ]);
    expect(await events.listOrganization(await seedOrganization(db), PAGE)).toEqual([]);
  });

  test('the settled place leaves out what is listed and lets in what comes', async () => {
    const sandbox = await seedSandbox(db, organization);
    await append(sandbox, CREATED);
    const now = await events.settledPlace();
    expect(await events.listOrganization(organization, { ...PAGE, after: now })).toEqual([]);
    await append(sandbox, ENDED);
    const later = await events.listOrganization(organization, { ...PAGE, after: now });
    expect(later.map(({ type }) => type)).toEqual(['sandbox.ended']);
  });

  test('the order goes on in a database that was restored to a server with lower transaction ids', async () => {
    const sandbox = await seedSandbox(db, organization);
    await append(sandbox, CREATED);
    await sql`update events set txn = txn + 1000000 where sandbox_id = ${sandbox}`.execute(db);
    await append(sandbox, ENDED);
    expect(await events.listOrganization(organization, PAGE)).toHaveLength(1);
    await events.adoptClock();
    await events.adoptClock();
    const [, before] = await events.listOrganization(organization, PAGE);
    await append(sandbox, CREATED);
    const seen = await events.listOrganization(organization, PAGE);
    expect(seen.map(({ type }) => type)).toEqual(['sandbox.ended', 'sandbox.created', 'sandbox.created']);
    expect(
      before &&
        (await events.listOrganization(organization, {
          ...PAGE,
          after: parseEventCursor(before.cursor),
        })),
    ).toHaveLength(1);
  });
});

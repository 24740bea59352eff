import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import * as initial from './migrations/0001-initial.ts';
import * as access from './migrations/0002-access.ts';
import * as plansUsage from './migrations/0003-plans-usage.ts';
import * as webhooks from './migrations/0004-webhooks.ts';
import * as network from './migrations/0010-network.ts';
import * as ports from './migrations/0011-ports.ts';
import * as isolation from './migrations/0012-isolation.ts';
import * as browserSessions from './migrations/0057-browser-sessions.ts';
import type { Tables } from './schema.ts';

/**
 * Brings the database to the newest schema, under Kysely's advisory lock, so that several servers may start at once.
 * Migrations are numbered and never changed once released.
 */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: {
      getMigrations: () =>
        Promise.resolve({
          '0001-initial': initial,
          '0002-access': access,
          '0003-plans-usage': plansUsage,
          '0004-webhooks': webhooks,
          '0010-network': network,
          '0011-ports': ports,
          '0012-isolation': isolation,
          '0057-browser-sessions': browserSessions,
        }),
    },
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw new Error('The database could not be migrated.', { cause: error });
}

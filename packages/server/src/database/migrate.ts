import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import * as initial from './migrations/0001-initial.ts';
import * as access from './migrations/0002-access.ts';
import * as plansUsage from './migrations/0003-plans-usage.ts';
import * as webhooks from './migrations/0004-webhooks.ts';
import * as network from './migrations/0010-network.ts';
import * as ports from './migrations/0011-ports.ts';
import * as isolation from './migrations/0012-isolation.ts';
import * as sizes from './migrations/0013-sizes.ts';
import * as tracing from './migrations/0015-tracing.ts';
import * as organizationLives from './migrations/0016-organization-lives.ts';
import * as checkpoints from './migrations/0030-checkpoints.ts';
import * as artifacts from './migrations/0040-artifacts.ts';
import * as browserControl from './migrations/0050-browser-control.ts';
import * as browserProfiles from './migrations/0055-browser-profiles.ts';
import * as browserSessions from './migrations/0057-browser-sessions.ts';
import * as agentPrompts from './migrations/0060-agent-prompts.ts';
import * as skills from './migrations/0065-skills.ts';
import * as handoff from './migrations/0070-handoff.ts';
import * as eventOrder from './migrations/0071-event-order.ts';
import * as modelKeys from './migrations/0080-model-keys.ts';
import * as modelBudgets from './migrations/0081-model-budgets.ts';
import * as handoffFields from './migrations/0085-handoff-fields.ts';
import * as handoffWaits from './migrations/0088-handoff-waits.ts';
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
          '0013-sizes': sizes,
          '0015-tracing': tracing,
          '0016-organization-lives': organizationLives,
          '0030-checkpoints': checkpoints,
          '0040-artifacts': artifacts,
          '0050-browser-control': browserControl,
          '0055-browser-profiles': browserProfiles,
          '0057-browser-sessions': browserSessions,
          '0060-agent-prompts': agentPrompts,
          '0065-skills': skills,
          '0070-handoff': handoff,
          '0071-event-order': eventOrder,
          '0080-model-keys': modelKeys,
          '0081-model-budgets': modelBudgets,
          '0085-handoff-fields': handoffFields,
          '0088-handoff-waits': handoffWaits,
        }),
    },
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw new Error('The database could not be migrated.', { cause: error });
}

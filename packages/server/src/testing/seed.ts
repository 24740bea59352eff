import { DEFAULT_NETWORK, newId } from '@banata/protocol';
import type { Database } from '../database/connect.ts';

/** Adds an organization. @returns its id. */
export async function seedOrganization(db: Database): Promise<string> {
  const id = newId();
  await db
    .insertInto('organizations')
    .values({ id, name: `organization ${id}`, created_at: Date.now() })
    .execute();
  return id;
}

/** Adds a sandbox that exists in the table only. @returns its id. */
export async function seedSandbox(db: Database, organizationId: string): Promise<string> {
  const id = newId();
  const now = Date.now();
  await db
    .insertInto('sandboxes')
    .values({
      id,
      organization_id: organizationId,
      status: 'ended',
      runtime: 'bun',
      size: 'standard',
      isolation: 'container',
      network: JSON.stringify(DEFAULT_NETWORK),
      region: 'loc',
      ephemeral: true,
      capabilities: null,
      metadata: '{}',
      env_sealed: Buffer.alloc(0),
      box_id: null,
      model_token_hash: null,
      followed: false,
      created_at: now,
      ready_at: now,
      ended_at: now,
      expires_at: now,
      idle_timeout_ms: null,
      last_activity_at: now,
      active_until: 0,
      announced_deadline: null,
      end_reason: null,
      lease_owner: null,
      lease_until: 0,
      event_seq: 0,
      box_cursor: 0,
      last_task_report: null,
    })
    .execute();
  return id;
}

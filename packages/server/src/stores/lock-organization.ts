import type { Tx } from './event-store.ts';

/**
 * Makes counting what an organization has, and adding to it, one step: of two transactions at once the second waits
 * here for the end of the first. What only refers to the organization (a new sandbox, say) does not wait.
 */
export async function lockOrganization(tx: Tx, organizationId: string): Promise<void> {
  await tx
    .selectFrom('organizations')
    .select('id')
    .where('id', '=', organizationId)
    .forNoKeyUpdate()
    .execute();
}

import { contract } from '@banata/protocol';
import type { OrganizationLives } from '../services/access/organization-lives.ts';
import type { Mount } from './mount.ts';

export function mountOrganizations(
  mount: Mount,
  { organizationLives }: { organizationLives: OrganizationLives },
): void {
  const routes = contract.organizations;
  mount.route(routes.suspendOrganization, ({ body }) => organizationLives.suspend(body.id, body.reason));
  mount.route(routes.resumeOrganization, ({ body }) => organizationLives.resume(body.id));
  mount.route(routes.deleteOrganization, ({ query }) => organizationLives.remove(query.id));
}

import { contract } from '@banata/protocol';
import type { ApiKeyService } from '../services/access/api-keys.ts';
import type { AuditLog } from '../services/access/audit-log.ts';
import type { OrganizationService } from '../services/access/organizations.ts';
import type { UserService } from '../services/access/users.ts';
import type { Mount } from './mount.ts';

export interface AccessRoutesDeps {
  apiKeys: ApiKeyService;
  users: UserService;
  organizations: OrganizationService;
  auditLog: AuditLog;
}

export function mountAccess(
  mount: Mount,
  { apiKeys, users, organizations, auditLog }: AccessRoutesDeps,
): void {
  const routes = contract.access;

  mount.route(routes.listApiKeys, ({ caller, query: { limit, cursor } }) =>
    apiKeys.list(caller, { limit, cursor }),
  );
  mount.route(routes.createApiKey, ({ caller, body }) => apiKeys.create(caller, body));
  mount.route(routes.rotateApiKey, ({ caller, body }) => apiKeys.rotate(caller, body));
  mount.route(routes.revokeApiKey, ({ caller, query }) => apiKeys.revoke(caller, query.id));

  mount.route(routes.listUsers, ({ caller }) => users.list(caller));
  mount.route(routes.createUser, async ({ caller, body, audit }) => {
    const invited = await users.create(caller, body);
    audit.about({ id: invited.user.id });
    return invited;
  });
  mount.route(routes.inviteUser, ({ caller, body }) => users.invite(caller, body.id));
  mount.route(routes.setUserRole, ({ caller, body: { id, role } }) => users.setRole(caller, id, role));
  mount.route(routes.removeUser, ({ caller, query }) => users.remove(caller, query.id));

  mount.route(routes.listOrganizations, ({ query: { limit, cursor } }) =>
    organizations.list({ limit, cursor }),
  );
  mount.route(routes.createOrganization, async ({ body, audit }) => {
    const created = await organizations.create(body);
    audit.about({ id: created.organization.id });
    return created;
  });

  mount.route(routes.listAudit, ({ caller, query }) => auditLog.list(caller.organizationId, query));
}

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  deletedOrganizationSchema,
  organizationSchema,
  suspendOrganizationSchema,
} from '../schemas/access.ts';

const tag = 'Organization';

export const suspendOrganization = defineRoute({
  id: 'organizations.suspend',
  method: 'POST',
  path: '/v1/organizations/suspend',
  tag,
  summary: 'Suspend an organization: its requests are refused, its sandboxes end',
  description:
    'Requests of its keys and people get 403 ORGANIZATION_SUSPENDED with the reason, at once on the server that answers and within 5 s on others. The reply comes when the sandboxes have ended. Everything else stays as it is, until it is resumed. Suspending again changes the reason.',
  auth: 'organizations:manage',
  operator: true,
  audit: ['reason'],
  body: suspendOrganizationSchema,
  reply: { kind: 'json', status: 200, schema: organizationSchema },
  errors: ['ORGANIZATION_NOT_FOUND', 'CONFLICT'],
});

export const resumeOrganization = defineRoute({
  id: 'organizations.resume',
  method: 'POST',
  path: '/v1/organizations/resume',
  tag,
  summary: 'Let a suspended organization work again; one that is not suspended stays as it is',
  auth: 'organizations:manage',
  operator: true,
  body: z.strictObject({ id: idSchema.describe('Of the organization.') }),
  reply: { kind: 'json', status: 200, schema: organizationSchema },
  errors: ['ORGANIZATION_NOT_FOUND'],
});

export const deleteOrganization = defineRoute({
  id: 'organizations.delete',
  method: 'DELETE',
  path: '/v1/organizations',
  tag,
  summary: 'Delete an organization for good',
  description:
    'Its sandboxes end, its keys are revoked, its people and webhooks are removed. Its audit log, usage and events stay in the database for the operator.',
  auth: 'organizations:manage',
  operator: true,
  query: z.strictObject({ id: idSchema.describe('Of the organization.') }),
  reply: { kind: 'json', status: 200, schema: deletedOrganizationSchema },
  errors: ['ORGANIZATION_NOT_FOUND', 'CONFLICT'],
});

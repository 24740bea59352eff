import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import { roleSchema } from '../scopes.ts';
import {
  apiKeySchema,
  auditEntrySchema,
  createApiKeySchema,
  createdOrganizationSchema,
  createOrganizationSchema,
  createUserSchema,
  invitedUserSchema,
  newApiKeySchema,
  organizationSchema,
  rotateApiKeySchema,
  userSchema,
} from '../schemas/access.ts';
import { pageFields, pageOf } from '../schemas/page.ts';

const keys = 'API keys';
const organization = 'Organization';

export const listApiKeys = defineRoute({
  id: 'apiKeys.list',
  method: 'GET',
  path: '/v1/api-keys',
  tag: keys,
  summary: 'List API keys, newest first, revoked and expired ones included',
  auth: 'api_keys:manage',
  query: z.strictObject({
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: {
    kind: 'json',
    status: 200,
    schema: pageOf(apiKeySchema),
  },
  errors: [],
});

export const createApiKey = defineRoute({
  id: 'apiKeys.create',
  method: 'POST',
  path: '/v1/api-keys',
  tag: keys,
  summary: 'Create an API key; the reply holds it once',
  auth: 'api_keys:manage',
  idempotency: 'once',
  audit: ['name', 'scopes', 'expiresAt'],
  body: createApiKeySchema,
  reply: { kind: 'json', status: 201, schema: newApiKeySchema },
  errors: ['CONFLICT'],
});

export const rotateApiKey = defineRoute({
  id: 'apiKeys.rotate',
  method: 'POST',
  path: '/v1/api-keys/rotate',
  tag: keys,
  summary: 'Replace an API key by a new one with the same name and scopes',
  description: 'The old key goes on working for `overlapMs`, so that clients can change over.',
  auth: 'api_keys:manage',
  idempotency: 'once',
  audit: ['overlapMs', 'expiresAt'],
  body: rotateApiKeySchema,
  reply: { kind: 'json', status: 201, schema: newApiKeySchema },
  errors: ['API_KEY_NOT_FOUND', 'CONFLICT'],
});

export const revokeApiKey = defineRoute({
  id: 'apiKeys.revoke',
  method: 'DELETE',
  path: '/v1/api-keys',
  tag: keys,
  summary: 'Revoke an API key',
  description:
    'It stops working at once on the server that answers, and within 5 s on others. Revoking again changes nothing.',
  auth: 'api_keys:manage',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: apiKeySchema },
  errors: ['API_KEY_NOT_FOUND'],
});

export const listUsers = defineRoute({
  id: 'users.list',
  method: 'GET',
  path: '/v1/users',
  tag: organization,
  summary: 'List the users of the organization',
  auth: 'organization:manage',
  reply: { kind: 'json', status: 200, schema: z.object({ data: z.array(userSchema) }) },
  errors: [],
});

export const createUser = defineRoute({
  id: 'users.create',
  method: 'POST',
  path: '/v1/users',
  tag: organization,
  summary: 'Invite a user',
  description: 'The invitation link is in the reply, once; hand it to the user, who sets a password with it.',
  auth: 'organization:manage',
  idempotency: 'once',
  audit: ['email', 'role'],
  body: createUserSchema,
  reply: { kind: 'json', status: 201, schema: invitedUserSchema },
  errors: ['CONFLICT'],
});

export const inviteUser = defineRoute({
  id: 'users.invite',
  method: 'POST',
  path: '/v1/users/invite',
  tag: organization,
  summary: 'Make a new invitation link for a user, who lost the first one or the password',
  description: 'Earlier links stop working; the password stays until the new link is used.',
  auth: 'organization:manage',
  idempotency: 'once',
  body: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 201, schema: invitedUserSchema },
  errors: ['USER_NOT_FOUND'],
});

export const setUserRole = defineRoute({
  id: 'users.role',
  method: 'POST',
  path: '/v1/users/role',
  tag: organization,
  summary: 'Change the role of a user; it holds from the next request on',
  auth: 'organization:manage',
  audit: ['role'],
  body: z.strictObject({ id: idSchema, role: roleSchema }),
  reply: { kind: 'json', status: 200, schema: userSchema },
  errors: ['USER_NOT_FOUND', 'CONFLICT'],
});

export const removeUser = defineRoute({
  id: 'users.remove',
  method: 'DELETE',
  path: '/v1/users',
  tag: organization,
  summary: 'Remove a user and end all sessions of the user',
  auth: 'organization:manage',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: userSchema },
  errors: ['USER_NOT_FOUND', 'CONFLICT'],
});

export const listOrganizations = defineRoute({
  id: 'organizations.list',
  method: 'GET',
  path: '/v1/organizations',
  tag: organization,
  summary: 'List all organizations of the installation, oldest first',
  auth: 'organizations:manage',
  operator: true,
  query: z.strictObject({
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: {
    kind: 'json',
    status: 200,
    schema: pageOf(organizationSchema),
  },
  errors: [],
});

export const createOrganization = defineRoute({
  id: 'organizations.create',
  method: 'POST',
  path: '/v1/organizations',
  tag: organization,
  summary: 'Create an organization with its first API key and an invitation for its owner',
  auth: 'organizations:manage',
  idempotency: 'once',
  operator: true,
  audit: ['name', 'ownerEmail'],
  body: createOrganizationSchema,
  reply: { kind: 'json', status: 201, schema: createdOrganizationSchema },
  errors: [],
});

export const listAudit = defineRoute({
  id: 'audit.list',
  method: 'GET',
  path: '/v1/audit',
  tag: organization,
  summary: 'Who did what: every request that changes something, newest first',
  auth: 'audit:read',
  query: z.strictObject({
    route: z.string().max(100).optional().describe('Only this route id, such as apiKeys.create.'),
    actorId: idSchema.optional().describe('Only this key or user.'),
    ...pageFields({ most: 500, usual: 100 }),
  }),
  reply: {
    kind: 'json',
    status: 200,
    schema: pageOf(auditEntrySchema),
  },
  errors: [],
});

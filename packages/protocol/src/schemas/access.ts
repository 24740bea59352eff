import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { roleSchema, scopeSchema } from '../scopes.ts';

/** Cookie that holds the session of a signed-in user. */
export const SESSION_COOKIE = 'banata_session';

const time = z.number().describe('Epoch ms.');
const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'Text without control characters.');
const emailSchema = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .regex(/^[^\s\p{Cc}@<>"]+@[^\s\p{Cc}@<>"]+$/u, 'An e-mail address such as ada@example.com.');
/** Long enough that guessing is hopeless at the rate that sign-in allows. */
const passwordSchema = z.string().min(10, 'At least 10 characters.').max(200);

export const organizationSchema = z.object({
  id: z.string(),
  name: z.string(),
  operator: z.boolean().describe('Whether it runs this installation: its owners manage the others.'),
  plan: z.string().nullable().describe('Null: the default one of the installation.'),
  status: z.enum(['active', 'suspended']),
  suspendedAt: time.nullable(),
  suspendedReason: z.string().nullable().describe('What the operator gave as the reason.'),
  createdAt: time,
});
export type Organization = z.infer<typeof organizationSchema>;

export const apiKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe('First characters of the key, to tell keys apart.'),
  scopes: z.array(scopeSchema).nullable().describe('Null: full access.'),
  createdAt: time,
  lastUsedAt: time.nullable(),
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
  replacedBy: z.string().nullable().describe('Key that a rotation made in its place.'),
});
export type ApiKey = z.infer<typeof apiKeySchema>;

export const newApiKeySchema = apiKeySchema.extend({
  key: z.string().describe('The key itself. Shown now and never again.'),
});
export type NewApiKey = z.infer<typeof newApiKeySchema>;

export const createApiKeySchema = z.strictObject({
  name: nameSchema,
  scopes: z
    .array(scopeSchema)
    .min(1, 'Name at least one scope, or leave the field out for full access.')
    .optional()
    .describe('Default: full access. A key cannot grant scopes that it does not hold.'),
  expiresAt: z.number().int().positive().optional().describe('Epoch ms. Default: never.'),
});
export type CreateApiKey = z.infer<typeof createApiKeySchema>;

const MAX_OVERLAP_MS = 7 * 24 * 3_600_000;

export const rotateApiKeySchema = z.strictObject({
  id: idSchema,
  overlapMs: z
    .number()
    .int()
    .min(0)
    .max(MAX_OVERLAP_MS)
    .default(0)
    .describe('How long the old key goes on working, ms, at most 7 days. Default 0: it ends at once.'),
  expiresAt: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Of the new key, epoch ms. Default: it lives as long as the old one was made to live.'),
});
export type RotateApiKey = z.infer<typeof rotateApiKeySchema>;

export const userSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string().nullable(),
  role: roleSchema,
  hasPassword: z.boolean().describe('False until an invitation was accepted.'),
  createdAt: time,
  lastSignInAt: time.nullable(),
});
export type User = z.infer<typeof userSchema>;

export const invitationSchema = z.object({
  url: z.string().describe('Page on which the user sets a password. Works once. Shown now and never again.'),
  token: z.string(),
  expiresAt: time,
});
export type Invitation = z.infer<typeof invitationSchema>;

export const invitedUserSchema = z.object({ user: userSchema, invitation: invitationSchema });
export type InvitedUser = z.infer<typeof invitedUserSchema>;

export const createUserSchema = z.strictObject({
  email: emailSchema,
  name: nameSchema.optional(),
  role: roleSchema,
});
export type CreateUser = z.infer<typeof createUserSchema>;

export const createOrganizationSchema = z.strictObject({
  name: nameSchema,
  ownerEmail: emailSchema.describe('E-mail address of its first owner, who gets an invitation.'),
});
export type CreateOrganization = z.infer<typeof createOrganizationSchema>;

export const createdOrganizationSchema = z.object({
  organization: organizationSchema,
  apiKey: newApiKeySchema,
  owner: invitedUserSchema,
});
export type CreatedOrganization = z.infer<typeof createdOrganizationSchema>;

export const suspendOrganizationSchema = z.strictObject({
  id: idSchema.describe('Of the organization.'),
  reason: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .regex(/^\P{Cc}*$/u, 'Text without control characters.')
    .optional()
    .describe('Shown to everybody who belongs to it.'),
});

export const deletedOrganizationSchema = z.object({
  id: z.string(),
  deleted: z.literal(true),
});
export type DeletedOrganization = z.infer<typeof deletedOrganizationSchema>;

export const signInSchema = z.strictObject({
  email: emailSchema,
  password: z.string().min(1).max(200),
  organizationId: idSchema
    .optional()
    .describe('Needed only where the same address and password are good for several organizations.'),
});
export type SignIn = z.infer<typeof signInSchema>;

export const acceptInvitationSchema = z.strictObject({
  token: z.string().min(1).max(200),
  password: passwordSchema,
  name: nameSchema.optional(),
});
export type AcceptInvitation = z.infer<typeof acceptInvitationSchema>;

export const changePasswordSchema = z.strictObject({
  currentPassword: z.string().min(1).max(200),
  newPassword: passwordSchema,
});
export type ChangePassword = z.infer<typeof changePasswordSchema>;

export const signedInSchema = z.object({
  user: userSchema,
  organization: organizationSchema,
  expiresAt: time.describe('End of the session, epoch ms.'),
});
export type SignedIn = z.infer<typeof signedInSchema>;

export const identitySchema = z.object({
  organization: organizationSchema,
  user: userSchema.nullable().describe('Set for a signed-in user.'),
  apiKey: apiKeySchema.nullable().describe('Set for an API key.'),
  scopes: z.array(scopeSchema).nullable().describe('Null: all.'),
  operator: z.boolean().describe('Whether the caller may use the operator’s routes.'),
});
export type Identity = z.infer<typeof identitySchema>;

export const auditOutcomeSchema = z.enum(['done', 'refused', 'failed']);

export const auditEntrySchema = z.object({
  id: z.string(),
  at: time,
  actor: z.object({
    kind: z.enum(['api_key', 'user', 'anonymous']),
    id: z.string().nullable(),
    name: z.string().nullable().describe('Name of the key or address of the user, as it was then.'),
  }),
  route: z.string().describe('Id of the route, such as sandboxes.create.'),
  objects: z.record(z.string(), z.unknown()).describe('Ids and other plain facts of the request.'),
  outcome: auditOutcomeSchema,
  status: z.number().int(),
  code: z.string().nullable().describe('Code of the error, if one was answered.'),
  ip: z.string().nullable(),
  requestId: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

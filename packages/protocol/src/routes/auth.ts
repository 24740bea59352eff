import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  acceptInvitationSchema,
  changePasswordSchema,
  identitySchema,
  signedInSchema,
  signInSchema,
  userSchema,
} from '../schemas/access.ts';

const tag = 'Sign-in';

export const signIn = defineRoute({
  id: 'auth.signIn',
  method: 'POST',
  path: '/v1/auth/sign-in',
  tag,
  summary: 'Sign in with a password; the session comes as a cookie',
  description:
    'Failed tries are counted per account and per address over all servers. Where the address and password are good for several organizations, the reply is 409 with `organizations` to choose from.',
  auth: 'none',
  audit: ['email', 'organizationId'],
  body: signInSchema,
  reply: { kind: 'json', status: 200, schema: signedInSchema },
  errors: ['SIGN_IN_FAILED', 'SIGN_IN_BLOCKED', 'ORIGIN_REFUSED', 'CONFLICT'],
});

export const acceptInvitation = defineRoute({
  id: 'auth.acceptInvitation',
  method: 'POST',
  path: '/v1/auth/accept-invitation',
  tag,
  summary: 'Set the password with an invitation, and sign in',
  description: 'Ends all other sessions of the user.',
  auth: 'none',
  body: acceptInvitationSchema,
  reply: { kind: 'json', status: 200, schema: signedInSchema },
  errors: ['INVITATION_INVALID', 'SIGN_IN_BLOCKED', 'ORIGIN_REFUSED'],
});

export const signOut = defineRoute({
  id: 'auth.signOut',
  method: 'POST',
  path: '/v1/auth/sign-out',
  tag,
  summary: 'End the session; it is gone on all servers at once',
  auth: 'user',
  whileSuspended: true,
  body: z.strictObject({ all: z.boolean().default(false).describe('End all sessions of the user.') }),
  reply: { kind: 'json', status: 200, schema: z.object({ ok: z.literal(true) }) },
  errors: [],
});

export const changePassword = defineRoute({
  id: 'auth.changePassword',
  method: 'POST',
  path: '/v1/auth/password',
  tag,
  summary: 'Change the own password; ends all other sessions',
  auth: 'user',
  body: changePasswordSchema,
  reply: { kind: 'json', status: 200, schema: userSchema },
  errors: ['SIGN_IN_FAILED', 'SIGN_IN_BLOCKED'],
});

export const me = defineRoute({
  id: 'auth.me',
  method: 'GET',
  path: '/v1/auth/me',
  tag,
  summary: 'Who the key or session belongs to, and what it may do',
  auth: 'any',
  whileSuspended: true,
  reply: { kind: 'json', status: 200, schema: identitySchema },
  errors: [],
});

export const signInMethods = defineRoute({
  id: 'auth.methods',
  method: 'GET',
  path: '/v1/auth/methods',
  tag,
  summary: 'Ways to sign in on this server',
  auth: 'none',
  reply: {
    kind: 'json',
    status: 200,
    schema: z.object({ password: z.literal(true), oidc: z.boolean() }),
  },
  errors: [],
});

export const oidcStart = defineRoute({
  id: 'auth.oidc.start',
  method: 'GET',
  path: '/v1/auth/oidc/start',
  tag,
  summary: 'Sign in with the OpenID Connect provider of this installation',
  auth: 'none',
  query: z.strictObject({ organizationId: idSchema.optional() }),
  reply: { kind: 'redirect', description: 'To the provider' },
  errors: ['SIGN_IN_METHOD_UNAVAILABLE'],
});

export const oidcCallback = defineRoute({
  id: 'auth.oidc.callback',
  method: 'GET',
  path: '/v1/auth/oidc/callback',
  tag,
  summary: 'Where the provider sends the browser back to',
  auth: 'none',
  query: z.looseObject({ state: z.string().max(4096).optional() }),
  reply: { kind: 'redirect', description: 'To the dashboard, signed in' },
  errors: ['SIGN_IN_METHOD_UNAVAILABLE', 'SIGN_IN_FAILED'],
});

import { contract, SESSION_COOKIE } from '@banata/protocol';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';
import type { UserRow } from '../database/tables/access.ts';
import type { OidcService } from '../services/access/oidc.ts';
import type { OrganizationService } from '../services/access/organizations.ts';
import type { NewSession, SignInService } from '../services/access/sign-in.ts';
import type { AuditNote } from './audit-note.ts';
import { requireOwnOrigin } from './credentials.ts';
import type { ApiContext, Mount } from './mount.ts';

/** Holds what the provider's answer is checked against, sealed, while the person signs in there. */
const OIDC_COOKIE = 'banata_oidc';

export interface AuthRoutesDeps {
  signIn: SignInService;
  organizations: OrganizationService;
  oidc: OidcService;
  publicUrl: () => string;
}

export function mountAuth(mount: Mount, { signIn, organizations, oidc, publicUrl }: AuthRoutesDeps): void {
  const routes = contract.auth;
  const cookies = (): CookieOptions => ({
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
    secure: publicUrl().startsWith('https:'),
  });
  const keep = (context: ApiContext, { token, reply }: NewSession): void =>
    setCookie(context, SESSION_COOKIE, token, { ...cookies(), expires: new Date(reply.expiresAt) });

  mount.route(routes.signIn, async ({ body, context, audit }) => {
    // A page of another site must not sign its visitor in to an account of its own.
    requireOwnOrigin(context, publicUrl(), 'if present');
    const session = await signIn.signIn(body, audit.address, (user) => concerns(audit, user));
    audit.by(asActor(session.user));
    keep(context, session);
    return session.reply;
  });

  mount.route(routes.acceptInvitation, async ({ body, context, audit }) => {
    requireOwnOrigin(context, publicUrl(), 'if present');
    const session = await signIn.acceptInvitation(body, audit.address, (user) => concerns(audit, user));
    audit.by(asActor(session.user));
    keep(context, session);
    return session.reply;
  });

  mount.route(routes.signOut, async ({ caller, body, context }) => {
    await signIn.signOut(caller, body.all);
    deleteCookie(context, SESSION_COOKIE, cookies());
    return { ok: true as const };
  });

  mount.route(routes.changePassword, ({ caller, body, audit }) =>
    signIn.changePassword(caller, body, audit.address),
  );

  mount.route(routes.me, ({ caller }) => organizations.identify(caller));

  mount.route(routes.signInMethods, () => Promise.resolve({ password: true as const, oidc: oidc.available }));

  mount.route(routes.oidcStart, async ({ query, context }) => {
    const { url, sealed, maxAgeMs } = await oidc.start(query.organizationId);
    setCookie(context, OIDC_COOKIE, sealed, {
      ...cookies(),
      path: '/v1/auth/oidc',
      maxAge: maxAgeMs / 1000,
    });
    return context.redirect(url);
  });

  mount.route(routes.oidcCallback, async ({ context }) => {
    const sealed = getCookie(context, OIDC_COOKIE);
    deleteCookie(context, OIDC_COOKIE, { ...cookies(), path: '/v1/auth/oidc' });
    const { search } = new URL(context.req.url);
    keep(context, await signIn.begin(await oidc.finish(search, sealed)));
    return context.redirect('/');
  });
}

function concerns(audit: AuditNote, user: UserRow): void {
  audit.concerns(user.organization_id, { userId: user.id });
}

function asActor(user: UserRow): Parameters<AuditNote['by']>[0] {
  return { organizationId: user.organization_id, actor: { kind: 'user', id: user.id, name: user.email } };
}

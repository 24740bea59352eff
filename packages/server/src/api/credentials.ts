import { ApiError, SESSION_COOKIE } from '@banata/protocol';
import { getCookie } from 'hono/cookie';
import type { AccessService, Caller } from '../services/access.ts';
import type { ApiContext } from './mount.ts';

/**
 * The caller of a request: by API key, or by the session of a signed-in user.
 * @throws {ApiError} UNAUTHORIZED, ORIGIN_REFUSED.
 */
export async function authenticate(
  context: ApiContext,
  access: AccessService,
  publicUrl: string,
): Promise<Caller> {
  const authorization = context.req.header('authorization');
  if (authorization !== undefined) return access.byKey(authorization);
  const token = getCookie(context, SESSION_COOKIE);
  if (token === undefined || token === '') throw new ApiError('UNAUTHORIZED');
  if (context.req.method !== 'GET') requireOwnOrigin(context, publicUrl, 'required');
  return access.bySession(token);
}

/**
 * Browsers add the cookie to requests that pages of other sites make too, but name the site in Origin. A page that
 * reached this server under another name (DNS rebinding) has no cookie of ours.
 * @throws {ApiError} ORIGIN_REFUSED.
 */
export function requireOwnOrigin(
  context: ApiContext,
  publicUrl: string,
  header: 'required' | 'if present',
): void {
  const origin = context.req.header('origin');
  if (origin === undefined && header === 'if present') return;
  if (origin !== undefined && URL.canParse(origin)) {
    const { origin: own, host } = new URL(origin);
    if (own === new URL(publicUrl).origin || host === context.req.header('host')) return;
  }
  throw new ApiError('ORIGIN_REFUSED');
}

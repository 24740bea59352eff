import { ApiError } from '@banata/protocol';
import type { IncomingMessage } from 'node:http';
import type { PortPreviewRow } from '../../database/tables/sandboxes.ts';
import { COOKIE, ownCookie, TOKEN_HEADER, TOKEN_PARAMETER } from './headers.ts';

/** How a request to a preview was let in. */
export interface Admission {
  /** The token came in the URL: the client gets a cookie, so that it is in no further URL. */
  cookie?: string;
}

export interface AuthorizeOptions {
  preview: PortPreviewRow;
  origin: string;
  accepts: (token: string) => boolean;
  now: number;
}

/**
 * Lets a request to a preview in, or not. A public preview takes all. A private one takes its token from the URL, from
 * a header, or from the cookie it set; with the cookie only for requests of its own pages and for navigations, so that
 * no other site can act through a visitor's browser.
 * @throws {ApiError} PREVIEW_UNAUTHORIZED.
 */
export function authorize(request: IncomingMessage, options: AuthorizeOptions): Admission {
  const { preview, origin, accepts, now } = options;
  if (preview.public) return {};
  const fromUrl = new URL(request.url ?? '/', origin).searchParams.get(TOKEN_PARAMETER);
  if (fromUrl !== null && accepts(fromUrl)) {
    const maxAge = Math.max(1, Math.floor((preview.expires_at - now) / 1000));
    const secure = origin.startsWith('https:') ? '; Secure' : '';
    return { cookie: `${COOKIE}=${fromUrl}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}` };
  }
  const fromHeader = request.headers[TOKEN_HEADER];
  if (typeof fromHeader === 'string' && accepts(fromHeader)) return {};
  const fromCookie = ownCookie(request.headers.cookie);
  if (fromCookie !== undefined && accepts(fromCookie) && !isFromElsewhere(request, origin)) return {};
  throw new ApiError('PREVIEW_UNAUTHORIZED');
}

/** Whether a page of another origin made the request, other than by leading the visitor here. */
function isFromElsewhere({ headers, method }: IncomingMessage, origin: string): boolean {
  const navigates = headers['sec-fetch-mode'] === 'navigate' && method === 'GET';
  const site = headers['sec-fetch-site'];
  if ((site === 'cross-site' || site === 'same-site') && !navigates) return true;
  return headers.origin !== undefined && headers.origin !== origin && !navigates;
}

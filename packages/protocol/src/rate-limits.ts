import type { RouteDefinition } from './route.ts';

/** A token bucket: `burst` requests at once, and `perMinute` in the long run. */
export interface RateLimit {
  perMinute: number;
  burst: number;
}

/**
 * Rate limits of one organization. The first fourteen are the documented ones; routes that the documents do not cover
 * share `other.read` or `other.write`.
 */
export const rateLimits = {
  'browsers.create': { perMinute: 60, burst: 20 },
  'browsers.read': { perMinute: 600, burst: 100 },
  'browsers.end': { perMinute: 120, burst: 30 },
  'sandboxes.create': { perMinute: 60, burst: 20 },
  'sandboxes.read': { perMinute: 600, burst: 100 },
  'sandboxes.end': { perMinute: 120, burst: 30 },
  'sandboxes.exec': { perMinute: 300, burst: 50 },
  'sandboxes.code': { perMinute: 300, burst: 50 },
  'sandboxes.terminal': { perMinute: 600, burst: 100 },
  'sandboxes.files': { perMinute: 300, burst: 50 },
  'agent.prompt': { perMinute: 300, burst: 50 },
  usage: { perMinute: 30, burst: 10 },
  billing: { perMinute: 30, burst: 10 },
  'billing.checkout': { perMinute: 5, burst: 2 },
  'other.read': { perMinute: 600, burst: 100 },
  'other.write': { perMinute: 300, burst: 50 },
} as const satisfies Record<string, RateLimit>;

export type RateLimitName = keyof typeof rateLimits;

/** The limit a route counts against; undefined for routes without a caller. */
export function rateLimitOf(
  route: Pick<RouteDefinition, 'auth' | 'method' | 'rateLimit'>,
): RateLimitName | undefined {
  if (route.auth === 'none' || route.auth === 'link') return undefined;
  return route.rateLimit ?? (route.method === 'GET' ? 'other.read' : 'other.write');
}

import type { ApiContext } from './mount.ts';

/**
 * Address of the client. Behind `trustedProxies` proxies of the operator's it is the entry of X-Forwarded-For that the
 * outermost of them added; entries before that one come from the client and are not believed.
 */
export function clientAddress(context: ApiContext, trustedProxies: number): string {
  const direct = context.env.incoming.socket.remoteAddress ?? '';
  if (trustedProxies === 0) return direct;
  const hops = (context.req.header('x-forwarded-for') ?? '').split(',').map((hop) => hop.trim());
  const claimed = hops.at(-trustedProxies);
  return claimed === undefined || claimed === '' ? direct : claimed.slice(0, 64);
}

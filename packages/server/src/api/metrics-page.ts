import { ApiError } from '@banata/protocol';
import type { Hono } from 'hono';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metrics } from '../metrics.ts';
import type { ApiContext, ApiEnv } from './mount.ts';

/** Prometheus at /metrics: with the token of the settings, or from this machine where there is none. */
export function mountMetrics(
  app: Hono<ApiEnv>,
  { metrics, metricsToken }: { metrics: Metrics; metricsToken: string | undefined },
): void {
  app.get('/metrics', async (context) => {
    if (!mayRead(context, metricsToken)) {
      throw new ApiError('PERMISSION_DENIED', 'The metrics are not for you', {
        details: {
          suggestion:
            'Set BANATA_METRICS_TOKEN and send it as "Authorization: Bearer …", or ask from the server’s own machine.',
        },
      });
    }
    return context.text(await metrics.registry.metrics(), 200, {
      'content-type': metrics.registry.contentType,
    });
  });
}

function mayRead(context: ApiContext, token: string | undefined): boolean {
  if (token !== undefined) return same(context.req.header('authorization') ?? '', `Bearer ${token}`);
  const address = context.env.incoming.socket.remoteAddress ?? '';
  // A proxy on this machine connects from the loopback on behalf of anyone.
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => context.req.header(name) !== undefined,
  );
  return /^(::ffff:)?127\.|^::1$/.test(address) && !forwarded;
}

function same(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

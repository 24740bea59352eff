import autocannon from 'autocannon';

/** What came out of a time of load, ms. */
export interface LoadFigures {
  perSecond: number;
  p50: number;
  p99: number;
  /** Replies other than 2xx, and requests without a reply. */
  failed: number;
}

/** Sends one request over and over on several connections. */
export async function load(
  target: { url: string; apiKey: string },
  request: { path: string; json?: unknown; connections: number; seconds: number },
): Promise<LoadFigures> {
  const { json } = request;
  const result = await autocannon({
    url: target.url + request.path,
    connections: request.connections,
    duration: request.seconds,
    headers: {
      authorization: `Bearer ${target.apiKey}`,
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { method: 'POST' as const, body: JSON.stringify(json) }),
  });
  return {
    perSecond: Math.round(result['2xx'] / result.duration),
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

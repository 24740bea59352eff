import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { noTracing } from '../tracing/tracing.ts';
import { BoxClient } from './box-client.ts';

test('the box is told the trace that a call belongs to, and nothing where there is none', async () => {
  const server = createServer((request, response) =>
    response.end(JSON.stringify({ traceparent: request.headers['traceparent'] ?? null })),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, token: 'a' };
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const names: string[] = [];
  const traced = new BoxClient({
    ...noTracing,
    traceparent,
    run: (request, work) => {
      names.push(request.name);
      return noTracing.run(request, work);
    },
  });
  const silent = new BoxClient();
  const path = '/agent/tasks/0123456789abcdef0123456789abcdef/cancel';
  const ask = (client: BoxClient) =>
    client.json(endpoint, z.object({ traceparent: z.string().nullable() }), {
      method: 'GET',
      path,
      timeoutMs: 1_000,
    });
  try {
    expect(await ask(traced)).toEqual({ traceparent });
    expect(await ask(silent)).toEqual({ traceparent: null });
    expect(names).toEqual(['box GET /agent/tasks/:id/cancel']);
  } finally {
    await Promise.all([traced.close(), silent.close()]);
    server.close();
  }
});

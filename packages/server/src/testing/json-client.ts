import type { TestServer } from './test-server.ts';

/** A reply with its JSON body. */
export interface JsonReply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** Asks a test server with a key, and reads the reply as JSON. */
export async function ask(
  server: TestServer,
  key: string,
  request: { method?: string; path: string; json?: unknown; headers?: Record<string, string> },
): Promise<JsonReply> {
  const { method = request.json === undefined ? 'GET' : 'POST', path, json, headers = {} } = request;
  const reply = await server.fetch(path, {
    method,
    key,
    headers: { ...headers, ...(json !== undefined && { 'content-type': 'application/json' }) },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  return {
    status: reply.status,
    headers: reply.headers,
    body: (await reply.json()) as Record<string, unknown>,
  };
}

/** An organization beside the first one, with a plan. @returns its id and a key with full access. */
export async function makeOrganization(
  server: TestServer,
  operatorKey: string,
  plan: string | null,
): Promise<{ id: string; key: string }> {
  const made = await ask(server, operatorKey, {
    path: '/v1/organizations',
    json: { name: 'Tenant', ownerEmail: 'owner@tenant.example' },
  });
  const { organization, apiKey } = made.body as { organization: { id: string }; apiKey: { key: string } };
  const set = await ask(server, operatorKey, {
    path: '/v1/organizations/plan',
    json: { id: organization.id, plan },
  });
  if (set.status !== 200)
    throw new Error(`setting the plan answered ${set.status}: ${JSON.stringify(set.body)}`);
  return { id: organization.id, key: apiKey.key };
}

import type { TestServer } from './test-server.ts';

/** Fields of the replies that the tests go on with. */
interface ReplyBody {
  id: string;
  key: string;
  code: string;
  error: string;
  field: string;
  scopes: string[];
  data: { id: string; name: string; lastUsedAt: number; objects: Record<string, unknown> }[];
  nextCursor: string | null;
  user: { id: string };
  invitation: { token: string };
  apiKey: { key: string };
  owner: { user: { id: string }; invitation: { token: string } };
  organization: { id: string; name: string };
  organizations: { name: string }[];
}

export interface Answer {
  status: number;
  body: ReplyBody;
  headers: Headers;
}

/** Sends a JSON request to a server of a test, and reads the JSON reply. */
export async function callApi(
  server: TestServer,
  path: string,
  options: { key?: string; body?: unknown; method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { body, method = body === undefined ? 'GET' : 'POST' } = options;
  const reply = await server.fetch(path, {
    method,
    key: options.key,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, body: (await reply.json()) as ReplyBody, headers: reply.headers };
}

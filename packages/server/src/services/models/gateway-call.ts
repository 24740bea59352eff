import type { ModelProvider } from './model-access.ts';

/** What a provider's API offers through the gateway. Stored objects (files, batches, threads) belong to the key, not to the sandbox: not offered. */
const POST_PATHS: Record<ModelProvider, readonly string[]> = {
  openrouter: ['chat/completions', 'completions', 'responses', 'embeddings'],
  openai: ['chat/completions', 'completions', 'responses', 'embeddings', 'moderations'],
  anthropic: ['messages', 'messages/count_tokens'],
};

/** Part of the path between `/model/<provider>/` and the API's own paths; Anthropic's SDKs do not agree on it. */
const PREFIXES: Record<ModelProvider, readonly string[]> = {
  openrouter: ['api/v1/'],
  openai: ['v1/'],
  anthropic: ['v1/', ''],
};

const QUERY_NAMES = new Set(['beta', 'limit', 'after_id', 'before_id', 'category', 'supported_parameters']);
const MODEL_SEGMENT = /^[A-Za-z0-9_:@~-][A-Za-z0-9._:@~-]{0,127}$/;

/** One allowed call. */
export interface GatewayCall {
  method: 'GET' | 'POST';
  /** Path below the upstream's base URL, encoded, with the query. */
  target: string;
  /** What was called, for logs and metering, such as `chat/completions`. */
  operation: string;
}

function modelsPath(path: string): string | null {
  const [first, ...segments] = path.split('/');
  if (first !== 'models' || segments.length > 4) return null;
  if (!segments.every((segment) => MODEL_SEGMENT.test(segment))) return null;
  return ['models', ...segments.map(encodeURIComponent)].join('/');
}

function queryOf(query: URLSearchParams): string {
  const kept = new URLSearchParams([...query].filter(([name]) => QUERY_NAMES.has(name)));
  return kept.size === 0 ? '' : `?${kept.toString()}`;
}

/** Matches a request against what is offered; null when it is not. `rest` is the decoded path after `/<provider>/`. */
export function matchCall(
  provider: ModelProvider,
  request: { method: string; rest: string; query: URLSearchParams },
): GatewayCall | null {
  const { method, rest } = request;
  const query = queryOf(request.query);
  for (const prefix of PREFIXES[provider]) {
    if (!rest.startsWith(prefix)) continue;
    const path = rest.slice(prefix.length);
    if (method === 'POST' && POST_PATHS[provider].includes(path)) {
      return { method, target: `${path}${query}`, operation: path };
    }
    const models = method === 'GET' ? modelsPath(path) : null;
    if (models !== null) return { method: 'GET', target: `${models}${query}`, operation: 'models' };
  }
  return null;
}

/** The offered calls in words, for an error. */
export function offeredCalls(provider: ModelProvider): string {
  const prefix = PREFIXES[provider][0] ?? '';
  const posts = POST_PATHS[provider].map((path) => `POST ${prefix}${path}`);
  return [...posts, `GET ${prefix}models`].join(', ');
}

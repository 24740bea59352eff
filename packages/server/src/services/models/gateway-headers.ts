import type { ModelProvider } from './model-access.ts';
import { cappedWait } from './retry-after.ts';

/** Only these go from the box to the model server: nothing that tells who calls, picks an organization, or shares state under the key. */
const REQUEST_HEADERS = [
  'accept',
  'anthropic-beta',
  'anthropic-version',
  'content-encoding',
  'content-length',
  'content-type',
  'http-referer',
  'openai-beta',
  'user-agent',
  'x-title',
];

/** Only these come back, besides the rate-limit families below. */
const RESPONSE_HEADERS = new Set([
  'cache-control',
  'content-length',
  'content-type',
  'openai-model',
  'openai-processing-ms',
  'request-id',
  'retry-after',
  'retry-after-ms',
  'x-generation-id',
  'x-request-id',
  'x-should-retry',
]);
const RESPONSE_FAMILIES = /^(?:x-ratelimit-|anthropic-ratelimit-|ratelimit(?:-|$))/;

/** The box's token: `Authorization: Bearer …` or `x-api-key`. Null when there is none of a believable length. */
export function gatewayToken(headers: Headers): string | null {
  const bearer = /^bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  const token = bearer ?? headers.get('x-api-key');
  return token === null || token === '' || token.length > 512 ? null : token;
}

/** Names under which OpenCode sends the session of a call, and the session that one is a part of. */
const SESSION_HEADERS = ['x-session-id', 'x-session-affinity', 'x-parent-session-id'];

/** Agent sessions that a call says it is of; a program in the sandbox may say anything. */
export function sessionsOf(headers: Headers): string[] {
  const named = SESSION_HEADERS.flatMap((name) => headers.get(name)?.slice(0, 200) ?? []);
  return [...new Set(named)];
}

/** Headers for the model server, with the real key in place of the token. */
export function upstreamHeaders(
  provider: ModelProvider,
  from: Headers,
  apiKey: string | null,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of REQUEST_HEADERS) {
    const value = from.get(name);
    if (value !== null) headers[name] = value;
  }
  // Usage is read from the answer as it passes, so it must not be compressed.
  headers['accept-encoding'] = 'identity';
  if (apiKey !== null && provider === 'anthropic') headers['x-api-key'] = apiKey;
  else if (apiKey !== null) headers['authorization'] = `Bearer ${apiKey}`;
  return headers;
}

/** Headers for the box. */
export function boxHeaders(from: Record<string, string | string[] | undefined>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    const lower = name.toLowerCase();
    if (typeof value !== 'string') continue;
    if (!RESPONSE_HEADERS.has(lower) && !RESPONSE_FAMILIES.test(lower)) continue;
    const kept = lower.startsWith('retry-after') ? cappedWait(lower, value, Date.now()) : value;
    if (kept !== undefined) headers[lower] = kept;
  }
  return headers;
}

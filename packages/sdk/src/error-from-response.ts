import { BanataError } from './error.ts';

/** The error that an unsuccessful reply stands for; also for replies of a proxy that knows nothing of Banata. */
export async function errorFromResponse(response: Response): Promise<BanataError> {
  const text = await response.text().catch(() => '');
  const { error, code, suggestion, ...details } = parseObject(text);
  return new BanataError({
    status: response.status,
    code: typeof code === 'string' ? code : `HTTP_${response.status}`,
    message:
      typeof error === 'string'
        ? error
        : `HTTP ${response.status}: ${text.slice(0, 200) || response.statusText}`,
    suggestion: typeof suggestion === 'string' ? suggestion : undefined,
    details,
    retryAfterMs: parseRetryAfter(response.headers.get('retry-after')),
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** `Retry-After` has seconds or a date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

import type { IncomingMessage } from 'node:http';
import { plainName } from '../../services/network/egress-policy.ts';
import type { Destination } from './judge.ts';

/** Headers that concern one hop only (RFC 9110, 7.6.1). */
const HOP_HEADERS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** The target of one request, or why it is refused. */
export type Target = { host: string; path: string } | { refusal: string; host: string | null };

/** The one host that a request names, in the Host header and, for a request to a proxy, in its target. */
export function targetOf(
  incoming: Pick<IncomingMessage, 'rawHeaders' | 'url'>,
  { address, port }: Destination,
): Target {
  const hosts = headerValues(incoming.rawHeaders, 'host');
  if (hosts.length > 1) return { refusal: 'a request with two Host headers', host: hosts[0] ?? null };
  const [hostHeader] = hosts;
  const host = hostHeader === undefined ? address : hostOf(hostHeader);
  if (host === undefined) return { refusal: 'a Host header that is no host', host: hostHeader ?? null };
  const url = incoming.url ?? '/';
  return url.startsWith('/') || url === '*' ? { host, path: url } : proxyTarget(url, host, port);
}

/** The target of a request as a proxy gets it, with the whole URL. */
function proxyTarget(url: string, host: string, port: number): Target {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target?.protocol !== 'http:' || target.username !== '' || plainName(target.hostname) !== host) {
    return { refusal: 'a request target that the Host header does not match', host };
  }
  // The rules go by the port that was dialled; a proxy would go by this one.
  if (Number(target.port || 80) !== port) return { refusal: 'a request target with another port', host };
  return { host, path: `${target.pathname}${target.search}` };
}

function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

/** The host of a Host header: a name, or an IPv4 address in its plain form. */
function hostOf(header: string): string | undefined {
  const match = /^([A-Za-z0-9._-]{1,253})(?::\d{1,5})?$/.exec(header.trim());
  return match?.[1] === undefined ? undefined : plainName(match[1]);
}

/** Raw headers without those of one hop; names that `Connection` lists go, too. */
export function passedHeaders(rawHeaders: readonly string[]): string[] {
  const listed = headerValues(rawHeaders, 'connection').flatMap((value) =>
    value.split(',').map((name) => name.trim().toLowerCase()),
  );
  const dropped = new Set([...HOP_HEADERS, ...listed.filter((name) => name !== 'host')]);
  const isChunked = headerValues(rawHeaders, 'transfer-encoding').length > 0;
  const passed = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 && !dropped.has(name.toLowerCase()) ? [name, rawHeaders[index + 1] ?? ''] : [],
  );
  return isChunked ? [...passed, 'Transfer-Encoding', 'chunked'] : passed;
}

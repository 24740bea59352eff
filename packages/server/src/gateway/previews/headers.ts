/** Cookie that holds the token of a private preview, on the preview's own origin only. */
export const COOKIE = 'banata_preview';
/** Query parameter of a preview's URL that holds the token. */
export const TOKEN_PARAMETER = 'banata_token';
/** Header that programs may send the token in. */
export const TOKEN_HEADER = 'x-banata-preview-token';

/** Headers that concern one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** What a client may not say about itself: the gateway sets some of these, and no program should trust the others. */
const SET_BY_GATEWAY = new Set([
  'host',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
  TOKEN_HEADER,
]);
/** Would reach beyond the preview: another way to the host name, and a lasting order to browsers. */
const NOT_RETURNED = new Set(['alt-svc', 'strict-transport-security', 'public-key-pins']);

/** Where a request came to and where it goes. */
export interface Passage {
  /** Port of the program in the sandbox. */
  port: number;
  /** Origin of the preview, such as `http://8080-….localhost:7070`. */
  origin: string;
  /** Address of the client. */
  clientAddress: string;
}

type HeaderList = [name: string, value: string][];

/** Pairs of Node's `rawHeaders`. */
export function headerPairs(raw: readonly string[]): HeaderList {
  return Array.from({ length: raw.length / 2 }, (_, index) => [
    raw[2 * index] ?? '',
    raw[2 * index + 1] ?? '',
  ]);
}

/**
 * Headers of a request as the program in the sandbox gets them. It sees itself addressed as `localhost:PORT`, which
 * programs that check the host or the origin of requests take; where the client really came to is in X-Forwarded-*.
 */
export function requestHeaders(raw: readonly string[], { port, origin, clientAddress }: Passage): string[] {
  const pairs = headerPairs(raw);
  const dropped = connectionOptions(pairs);
  const local = `http://localhost:${port}`;
  const kept: HeaderList = [];
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || SET_BY_GATEWAY.has(lower) || dropped.has(lower)) continue;
    if (lower === 'cookie') {
      const cookies = withoutOwnCookie(value);
      if (cookies !== '') kept.push([name, cookies]);
    } else if (lower === 'authorization' && /^bearer\s+br_live_/i.test(value)) {
      // A key of the platform that was sent here by mistake must not reach the code in the sandbox.
    } else if (lower === 'origin' && value === origin) {
      kept.push([name, local]);
    } else if (lower === 'referer' && (value === origin || value.startsWith(`${origin}/`))) {
      kept.push([name, local + withoutToken(value.slice(origin.length))]);
    } else {
      kept.push([name, value]);
    }
  }
  const { host, protocol } = new URL(origin);
  kept.push(
    ['host', `localhost:${port}`],
    ['x-forwarded-host', host],
    ['x-forwarded-proto', protocol.slice(0, -1)],
    ['x-forwarded-for', clientAddress],
  );
  return kept.flat();
}

/** Headers of a reply as the client gets them. */
export function replyHeaders(raw: readonly string[], { port, origin }: Passage): string[] {
  const pairs = headerPairs(raw);
  const dropped = connectionOptions(pairs);
  const kept: HeaderList = [];
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || NOT_RETURNED.has(lower) || dropped.has(lower)) continue;
    if (lower === 'location') kept.push([name, publicLocation(value, port, origin)]);
    else if (lower === 'set-cookie') kept.push(...ownSiteCookie(name, value));
    else kept.push([name, value]);
  }
  return kept.flat();
}

/** A redirect to the program's own address leads the client to the preview instead. */
export function publicLocation(location: string, port: number, origin: string): string {
  const match = /^https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+))?(?=[/?#]|$)(.*)$/i.exec(
    location,
  );
  return match && Number(match[1] ?? 80) === port ? origin + (match[2] ?? '') : location;
}

/** The path and query without the token. */
export function withoutToken(path: string): string {
  const [before, query] = splitOnce(path, '?');
  if (query === undefined) return path;
  const parts = query.split('&').filter((part) => part.split('=')[0] !== TOKEN_PARAMETER);
  return parts.length === 0 ? before : `${before}?${parts.join('&')}`;
}

/** Value of the preview's cookie in a Cookie header. */
export function ownCookie(header: string | undefined): string | undefined {
  const prefix = `${COOKIE}=`;
  return cookiePairs(header ?? '')
    .find((pair) => pair.startsWith(prefix))
    ?.slice(prefix.length);
}

function withoutOwnCookie(header: string): string {
  return cookiePairs(header)
    .filter((pair) => !pair.startsWith(`${COOKIE}=`))
    .join('; ');
}

function cookiePairs(header: string): string[] {
  return header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '');
}

/** A cookie without `Domain`, with which it would reach other previews; none under the gateway's own name. */
function ownSiteCookie(name: string, value: string): HeaderList {
  if (value.trimStart().startsWith(`${COOKIE}=`)) return [];
  const parts = value.split(';').filter((part, index) => index === 0 || !/^\s*domain\s*=/i.test(part));
  return [[name, parts.join(';')]];
}

function connectionOptions(pairs: HeaderList): Set<string> {
  const options = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','))
    .map((option) => option.trim().toLowerCase());
  return new Set(options);
}

function splitOnce(text: string, by: string): [string, string?] {
  const at = text.indexOf(by);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

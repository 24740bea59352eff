import { z } from 'zod';

/** A proxy of the caller's own, through which a browser or a sandbox reaches the internet. */
export const proxySchema = z.strictObject({
  protocol: z.enum(['http', 'https', 'socks5']).describe('How the proxy itself is spoken to.'),
  host: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'a host name or an IPv4 address'),
  port: z.number().int().min(1).max(65_535),
  username: z.string().max(1000).optional(),
  password: z.string().max(1000).optional(),
});
export type Proxy = z.infer<typeof proxySchema>;

const protocols: Record<string, { protocol: Proxy['protocol']; port: number }> = {
  'http:': { protocol: 'http', port: 80 },
  'https:': { protocol: 'https', port: 443 },
  'socks5:': { protocol: 'socks5', port: 1080 },
  'socks5h:': { protocol: 'socks5', port: 1080 },
};

/** Reads `http://user:password@host:port`; undefined when it is no proxy URL. */
export function parseProxyUrl(text: string): Proxy | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const known = protocols[url.protocol];
  if (!known || !/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') return undefined;
  const parsed = proxySchema.safeParse({
    protocol: known.protocol,
    host: url.hostname,
    port: url.port === '' ? known.port : Number(url.port),
    ...(url.username === '' ? {} : { username: decode(url.username) }),
    ...(url.password === '' ? {} : { password: decode(url.password) }),
  });
  return parsed.success ? parsed.data : undefined;
}

/** The URL of a proxy, with its credentials. */
export function proxyUrl({ protocol, host, port, username, password }: Proxy): string {
  const credentials =
    username === undefined && password === undefined
      ? ''
      : `${encodeURIComponent(username ?? '')}:${encodeURIComponent(password ?? '')}@`;
  return `${protocol}://${credentials}${host}:${port}`;
}

/** The same without them: good for replies and logs. */
export function plainProxyUrl({ protocol, host, port }: Proxy): string {
  return `${protocol}://${host}:${port}`;
}

/** Percent signs of a password that was not encoded stand for themselves. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

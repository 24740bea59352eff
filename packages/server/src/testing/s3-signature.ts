import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The one key that is good. */
export interface S3Key {
  accessKeyId: string;
  secretAccessKey: string;
}

/** What of a request was signed, and how. */
interface Signed {
  accessKeyId: string;
  scope: string;
  headers: string[];
  signature: string;
  date: string;
  /** Seconds; undefined where the request itself is signed. */
  expires: number | undefined;
  payload: string;
}

const MAX_SKEW_MS = 15 * 60_000;

/**
 * Checks a request's signature as S3 does: AWS Signature Version 4 in the Authorization header or in the query ("Create
 * a signed AWS API request" and "Authenticating Requests: Using Query Parameters" of Amazon's documentation).
 * @returns S3's error code where the request is refused.
 */
export function checkS3Signature(request: IncomingMessage, key: S3Key, now: number): string | undefined {
  const url = new URL(request.url ?? '/', 'http://s3');
  const signed = url.searchParams.has('X-Amz-Signature') ? fromQuery(url) : fromHeaders(request);
  if (!signed) return 'AccessDenied';
  if (signed.accessKeyId !== key.accessKeyId) return 'InvalidAccessKeyId';
  const at = Date.parse(
    signed.date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (signed.expires === undefined ? Math.abs(now - at) > MAX_SKEW_MS : now > at + signed.expires * 1000)
    return signed.expires === undefined ? 'RequestTimeTooSkewed' : 'AccessDenied';
  const wanted = Buffer.from(sign(request, url, signed, key.secretAccessKey));
  const given = Buffer.from(signed.signature);
  return wanted.length === given.length && timingSafeEqual(wanted, given)
    ? undefined
    : 'SignatureDoesNotMatch';
}

function fromQuery({ searchParams: query }: URL): Signed | undefined {
  const [accessKeyId, ...scope] = (query.get('X-Amz-Credential') ?? '').split('/');
  const expires = Number(query.get('X-Amz-Expires'));
  if (!accessKeyId || !(expires > 0 && expires <= 604_800)) return undefined;
  return {
    accessKeyId,
    scope: scope.join('/'),
    headers: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    date: query.get('X-Amz-Date') ?? '',
    expires,
    payload: 'UNSIGNED-PAYLOAD',
  };
}

function fromHeaders({ headers }: IncomingMessage): Signed | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
      headers.authorization ?? '',
    );
  const [, accessKeyId, scope, names, signature] = match ?? [];
  if (!accessKeyId || !scope || !names || !signature) return undefined;
  return {
    accessKeyId,
    scope,
    headers: names.split(';'),
    signature,
    date: String(headers['x-amz-date']),
    expires: undefined,
    payload: String(headers['x-amz-content-sha256']),
  };
}

function sign(request: IncomingMessage, url: URL, signed: Signed, secret: string): string {
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const headers = signed.headers.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`);
  const canonical = [
    request.method,
    url.pathname,
    query,
    headers.join(''),
    signed.headers.join(';'),
    signed.payload,
  ].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', signed.date, signed.scope, hash].join('\n');
  let key: Buffer | string = `AWS4${secret}`;
  for (const part of signed.scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  return createHmac('sha256', key).update(text).digest('hex');
}

/** Percent-encoding of RFC 3986, which encodes more than JavaScript's. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

import { z } from 'zod';

/** Longer values are cut: a page can make up any number of bytes. */
const MAX_URL = 8_192;
const MAX_VALUE = 4_096;
const MAX_HEADERS = 100;
/** Headers that let whoever reads them in, left out as in Chrome's own export. */
const SECRET_HEADERS = new Set(['cookie', 'set-cookie', 'authorization', 'proxy-authorization']);

const headersSchema = z.record(z.string(), z.string());
const responseSchema = z.object({
  status: z.number(),
  statusText: z.string().default(''),
  headers: headersSchema.default({}),
  mimeType: z.string().default(''),
  protocol: z.string().default(''),
  remoteIPAddress: z.string().optional(),
  fromDiskCache: z.boolean().optional(),
});
/** `Network.requestWillBeSent`. */
export const sentSchema = z.object({
  requestId: z.string(),
  /** Seconds of a clock of its own. */
  timestamp: z.number(),
  /** Seconds since the epoch. */
  wallTime: z.number(),
  type: z.string().optional(),
  request: z.object({
    method: z.string(),
    url: z.string(),
    headers: headersSchema.default({}),
    hasPostData: z.boolean().optional(),
  }),
  redirectResponse: responseSchema.optional(),
});
/** `Network.responseReceived`. */
export const receivedSchema = z.object({ requestId: z.string(), response: responseSchema });
/** `Network.loadingFinished` and `Network.loadingFailed`. */
export const overSchema = z.object({
  requestId: z.string(),
  timestamp: z.number(),
  encodedDataLength: z.number().optional(),
  errorText: z.string().optional(),
});

type Sent = z.infer<typeof sentSchema>;
type Received = z.infer<typeof responseSchema>;

/** What is known of a request that is under way. */
export interface OpenRequest {
  sent: Sent;
  response?: Received | undefined;
}

/** Stands for the answer of a request that has none. */
const NO_RESPONSE: Received = { status: 0, statusText: '', headers: {}, mimeType: '', protocol: '' };

interface Header {
  name: string;
  value: string;
}

/**
 * An entry of a HAR file (http://www.softwareishard.com/blog/har-12-spec/), without bodies and credentials.
 * @param over when it ended, seconds of the browser's clock, and how.
 */
export function harEntry(
  { sent, response = NO_RESPONSE }: OpenRequest,
  over: { timestamp: number; bytes: number; error?: string | undefined },
): object {
  const time = Math.max(0, (over.timestamp - sent.timestamp) * 1000);
  return {
    startedDateTime: new Date(sent.wallTime * 1000).toISOString(),
    time,
    request: requestOf(sent.request, response.protocol),
    response: {
      status: response.status,
      statusText: response.statusText.slice(0, MAX_VALUE),
      httpVersion: response.protocol,
      cookies: [],
      headers: headersOf(response.headers),
      content: { size: over.bytes, mimeType: response.mimeType.slice(0, 256) },
      redirectURL: headerValue(response.headers, 'location').slice(0, MAX_URL),
      headersSize: -1,
      bodySize: over.bytes,
      ...(over.error !== undefined && { _error: over.error.slice(0, MAX_VALUE) }),
    },
    cache: {},
    timings: { send: 0, wait: time, receive: 0 },
    ...(response.remoteIPAddress !== undefined && { serverIPAddress: response.remoteIPAddress }),
    ...(sent.type !== undefined && { _resourceType: sent.type.toLowerCase() }),
    ...(response.fromDiskCache === true && { _fromCache: 'disk' }),
  };
}

function requestOf({ method, url, headers, hasPostData }: Sent['request'], httpVersion: string): object {
  const address = url.slice(0, MAX_URL);
  return {
    method: method.slice(0, 64),
    url: address,
    httpVersion,
    cookies: [],
    headers: headersOf(headers),
    queryString: queryOf(address),
    headersSize: -1,
    bodySize: hasPostData === true ? -1 : 0,
  };
}

function headersOf(headers: Record<string, string>): Header[] {
  return Object.entries(headers)
    .filter(([name]) => !SECRET_HEADERS.has(name.toLowerCase()))
    .slice(0, MAX_HEADERS)
    .map(([name, value]) => ({ name: name.slice(0, 256), value: value.slice(0, MAX_VALUE) }));
}

function headerValue(headers: Record<string, string>, wanted: string): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
}

function queryOf(url: string): Header[] {
  if (!URL.canParse(url)) return [];
  const pairs = [...new URL(url).searchParams].slice(0, MAX_HEADERS);
  return pairs.map(([name, value]) => ({ name, value: value.slice(0, MAX_VALUE) }));
}

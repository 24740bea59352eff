import { ApiError } from '@banata/protocol';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FileHead } from '../services/file-transfers.ts';
import type { ApiContext } from './mount.ts';

/** Headers of a box that are passed on, each with what it may look like. */
const PASSED: Record<string, RegExp> = {
  'content-length': /^\d{1,16}$/,
  'content-range': /^bytes \d{1,16}-\d{1,16}\/\d{1,16}$/,
  'accept-ranges': /^bytes$/,
  etag: /^"[\w-]{1,64}"$/,
  'last-modified': /^[\w ,:]{1,40}$/,
};
const CONDITIONS = ['range', 'if-range', 'if-none-match'];
const MAX_CONDITION_CHARS = 256;
/** By it the adapter between Hono and Node knows that nothing is left to write. */
const ALREADY_SENT = { 'x-hono-already-sent': 'true' };
const STATUSES = [200, 206, 304];

/** Contents come from sandboxes: they are saved, never shown as a page of this origin. */
const UNTRUSTED = {
  'content-security-policy': "sandbox; default-src 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'private, no-cache',
};

/** Headers with which a browser saves a file under this name. */
export function attachment(name: string): Record<string, string> {
  // Half a surrogate pair cannot be encoded.
  return { 'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name.toWellFormed())}` };
}

/** Headers of a request by which a box answers with a part, or with nothing. */
export function passedConditions(context: ApiContext): Record<string, string> {
  return Object.fromEntries(
    CONDITIONS.flatMap((name) => {
      const value = context.req.header(name);
      return value !== undefined && value.length <= MAX_CONDITION_CHARS ? [[name, value]] : [];
    }),
  );
}

/**
 * Passes the bytes of a box on. They are written by Node's own streams: a web stream in between would take as much CPU
 * time again. A reply that breaks off is cut off.
 * @throws {ApiError} SANDBOX_UNREACHABLE when the box answers what makes no sense.
 */
export function fileResponse(
  context: ApiContext,
  reply: IncomingMessage,
  headers: Record<string, string>,
): Response {
  const { statusCode: status = 502 } = reply;
  const passed = Object.fromEntries(
    Object.entries(PASSED).flatMap(([name, shape]) => {
      const value = reply.headers[name];
      return typeof value === 'string' && shape.test(value) ? [[name, value]] : [];
    }),
  );
  if (!STATUSES.includes(status) || (status === 206) !== 'content-range' in passed) {
    reply.destroy();
    throw new ApiError('SANDBOX_UNREACHABLE', 'The sandbox sent a malformed answer.');
  }
  const all = { 'content-type': 'application/octet-stream', ...UNTRUSTED, ...headers, ...passed };
  if (status === 304) {
    reply.resume();
    return new Response(null, { status, headers: all });
  }
  const { outgoing } = context.env;
  outgoing.writeHead(status, { ...all, 'x-request-id': context.get('requestId') });
  pipeline(reply, outgoing).catch(() => undefined);
  return new Response(null, { status, headers: ALREADY_SENT });
}

/** The same without the bytes. */
export function headResponse(
  { size, etag, modifiedAt }: FileHead,
  headers: Record<string, string>,
): Response {
  return new Response(null, {
    headers: {
      'content-type': 'application/octet-stream',
      ...UNTRUSTED,
      ...headers,
      'content-length': String(size),
      'accept-ranges': 'bytes',
      etag,
      'last-modified': new Date(modifiedAt).toUTCString(),
    },
  });
}

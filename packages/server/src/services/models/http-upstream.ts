import { Readable } from 'node:stream';
import { errors, request, type Dispatcher } from 'undici';
import type { OutboundGuard } from '../net/outbound-guard.ts';
import { OutboundBlockedError } from '../net/outbound-blocked-error.ts';
import type { GatewayCall } from './gateway-call.ts';
import { boxHeaders, upstreamHeaders } from './gateway-headers.ts';
import type { GatewayLimits } from './gateway-limits.ts';
import type { ModelProvider, ModelUpstream } from './model-access.ts';
import type { CallBody } from './peek-body.ts';
import { variablesOf } from './model-variables.ts';
import { GatewayError } from './provider-error.ts';

/** An answer on its way to the box. */
export interface UpstreamReply {
  status: number;
  /** Allowed headers only, lower case. */
  headers: Record<string, string>;
  body: AsyncIterable<Uint8Array>;
}

interface HttpUpstreamCall {
  provider: ModelProvider;
  upstream: Extract<ModelUpstream, { kind: 'http' }>;
  call: GatewayCall;
  headers: Headers;
  body: CallBody;
  signal: AbortSignal;
  guard: OutboundGuard;
  limits: GatewayLimits;
}

/** The bytes of a body as long as they stay within the bound. */
export async function* boundedBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/** The answer to a body over the bound. */
export function tooLarge(maxBytes: number): GatewayError {
  const size = `${maxBytes} bytes`;
  return new GatewayError(
    413,
    `The request body is larger than ${size}, the most the model gateway takes. Send less context.`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function bytesOf({ content }: CallBody): Uint8Array | Readable | null {
  return content === null || content instanceof Uint8Array ? content : Readable.from(content);
}

/** Says which host failed and what to do, and nothing of the request that was sent. */
function explain(error: unknown, { provider, upstream, limits, signal }: HttpUpstreamCall): GatewayError {
  if (error instanceof GatewayError) return error;
  const { baseUrl } = variablesOf(provider);
  if (error instanceof OutboundBlockedError) {
    return new GatewayError(
      403,
      `${error.message} Change ${baseUrl}, or have the operator add the host to BANATA_MODEL_ALLOW_HOSTS.`,
    );
  }
  const host = new URL(upstream.baseUrl).host;
  if (error instanceof errors.HeadersTimeoutError || signal.aborted) {
    const seconds = Math.ceil((signal.aborted ? limits.totalMs : limits.firstByteMs) / 1000);
    return new GatewayError(
      504,
      `The model server ${host} did not begin to answer within ${seconds} s. Stream the answer, or try again later.`,
    );
  }
  return new GatewayError(
    502,
    `The server cannot reach the model server ${host} (${codeOf(error)}). Check ${baseUrl} and that the host is up, then try again.`,
  );
}

/** Answers that the gateway does not pass on. */
function refusal(
  reply: Dispatcher.ResponseData,
  { provider, upstream }: HttpUpstreamCall,
): GatewayError | null {
  const host = new URL(upstream.baseUrl).host;
  const { baseUrl } = variablesOf(provider);
  if (reply.statusCode >= 300 && reply.statusCode < 400) {
    return new GatewayError(
      502,
      `The model server ${host} answered with a redirect (${reply.statusCode}), which is not followed. Set ${baseUrl} to the final address.`,
    );
  }
  const encoding = reply.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return new GatewayError(
      502,
      `The model server ${host} compressed its answer although it was asked not to. Switch compression off there.`,
    );
  }
  return null;
}

/**
 * Sends one call to a model server. Redirects are not followed.
 * @throws {GatewayError} fit to be shown to the box.
 */
export async function callHttpUpstream(options: HttpUpstreamCall): Promise<UpstreamReply> {
  const { provider, upstream, call, body, guard, limits } = options;
  const hangUp = new AbortController();
  const signal = AbortSignal.any([options.signal, hangUp.signal]);
  try {
    const url = guard.check(`${upstream.baseUrl}/${call.target}`);
    const reply = await request(url, {
      method: call.method,
      headers: {
        ...upstreamHeaders(provider, options.headers, upstream.apiKey),
        ...(body.length === null ? {} : { 'content-length': String(body.length) }),
      },
      body: bytesOf(body),
      dispatcher: guard.dispatcher,
      headersTimeout: limits.firstByteMs,
      bodyTimeout: limits.idleMs,
      signal,
    });
    const refused = refusal(reply, options);
    if (refused !== null) {
      reply.body.on('error', () => undefined);
      hangUp.abort();
      throw refused;
    }
    return { status: reply.statusCode, headers: boxHeaders(reply.headers), body: reply.body };
  } catch (error) {
    throw explain(error, options);
  }
}

import { ApiError, type ErrorCode } from '@banata/protocol';
import { boxErrorSchema } from '@banata/protocol/box';
import type { BoxEndpoint } from '@banata/drivers';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { noTracing, type OpenSpan, type Tracing } from '../tracing/tracing.ts';
import { openTransfer, type TransferCall } from './box-transfer.ts';
import { fileCodes } from './file-codes.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** A reply of the daemon that is parsed as JSON is no longer than this; exec output is bounded well below. */
const MAX_REPLY_BYTES = 24 * 1024 * 1024;

/** How errors of the daemon reach API callers; what is not listed is an error of ours. */
const codes: Record<string, ErrorCode> = {
  ...fileCodes,
  INVALID_FIELD: 'INVALID_REQUEST',
  COMMAND_TOO_LONG: 'INVALID_REQUEST',
  CWD_NOT_ACCESSIBLE: 'INVALID_REQUEST',
  BOX_EXHAUSTED: 'SANDBOX_EXHAUSTED',
  TOO_MANY_COMMANDS: 'SANDBOX_EXHAUSTED',
  TOO_MANY_PROCESSES: 'SANDBOX_EXHAUSTED',
  TOO_MANY_CONTEXTS: 'SANDBOX_EXHAUSTED',
  TOO_MANY_TERMINALS: 'SANDBOX_EXHAUSTED',
  PROCESS_NOT_FOUND: 'PROCESS_NOT_FOUND',
  PROCESS_ENDED: 'CONFLICT',
  STDIN_CLOSED: 'CONFLICT',
  STDIN_FULL: 'CONFLICT',
  CONTEXT_NOT_FOUND: 'CONTEXT_NOT_FOUND',
  CONTEXT_FAILED: 'SANDBOX_EXHAUSTED',
  TERMINAL_NOT_FOUND: 'TERMINAL_NOT_FOUND',
  INVALID_REQUEST: 'INVALID_REQUEST',
  CWD_NOT_FOUND: 'INVALID_REQUEST',
  BROWSER_NOT_READY: 'BROWSER_NOT_READY',
  BROWSER_FAILED: 'BROWSER_NOT_READY',
  BROWSER_RESTARTING: 'BROWSER_NOT_READY',
  BROWSER_OFF: 'BROWSER_NOT_ENABLED',
  NAVIGATION_FAILED: 'NAVIGATION_FAILED',
  NAVIGATION_TIMEOUT: 'NAVIGATION_FAILED',
  NAVIGATION_DOWNLOAD: 'NAVIGATION_FAILED',
  INVALID_URL: 'INVALID_REQUEST',
  RECORDING_RUNNING: 'CONFLICT',
  RECORDING_STOPPED: 'CONFLICT',
  RECORDING_NOT_FOUND: 'RECORDING_NOT_FOUND',
  RECORDING_EMPTY: 'RECORDING_NOT_FOUND',
  INVALID_FORMAT: 'INVALID_REQUEST',
  INVALID_KEY: 'INVALID_REQUEST',
  OUTSIDE_DESKTOP: 'INVALID_REQUEST',
  AGENT_OFF: 'AGENT_NOT_ENABLED',
  CONTROL_HELD_BY_HUMAN: 'CONTROL_HELD_BY_HUMAN',
  FILE_CHOOSER_NOT_OPEN: 'FILE_CHOOSER_NOT_OPEN',
  FIELD_NOT_FOUND: 'FIELD_NOT_FOUND',
  ASK_NOT_FOUND: 'ASK_NOT_FOUND',
  SESSION_NOT_FOUND: 'INVALID_REQUEST',
  DOCUMENTS_OFF: 'DOCUMENTS_NOT_ENABLED',
  CONVERTER_MISSING: 'NOT_SUPPORTED',
  CONVERSION_UNSUPPORTED: 'CONVERSION_UNSUPPORTED',
  DOCUMENT_BROKEN: 'DOCUMENT_BROKEN',
  DOCUMENT_ENCRYPTED: 'DOCUMENT_ENCRYPTED',
  CONVERSION_FAILED: 'CONVERSION_FAILED',
  CONVERSION_TIMEOUT: 'SANDBOX_TIMEOUT',
  TOO_MANY_CONVERSIONS: 'SANDBOX_EXHAUSTED',
};

/** What the daemon answered, as the cause of the {@link ApiError} it became. */
export class BoxRefusal extends Error {
  readonly code: string;
  readonly headers: IncomingHttpHeaders;
  constructor(code: string, headers: IncomingHttpHeaders) {
    super(code);
    this.name = 'BoxRefusal';
    this.code = code;
    this.headers = headers;
  }
}

export interface BoxCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string>;
  json?: unknown;
  /** Raw body, streamed. */
  body?: Dispatcher.DispatchOptions['body'];
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Longest wait for the head of the reply, and for each next piece of its body. */
  timeoutMs: number;
  /** Given the headers of whatever the daemon replies. */
  onReply?: (headers: IncomingHttpHeaders) => void;
}

/**
 * Speaks to the daemons in the boxes. Nothing a box answers is trusted: replies are bounded in time and size and are
 * parsed; errors become {@link ApiError}s with a text of the box's at most 500 characters long.
 */
export class BoxClient {
  /**
   * One per box, by its token: a box gets the address of one before it, and a connection kept from that one would be
   * reset in the middle of a call.
   */
  readonly #agents = new Map<string, Agent>();
  readonly #tracing: Tracing;

  constructor(tracing: Tracing = noTracing) {
    this.#tracing = tracing;
  }

  json<T extends z.ZodType>(endpoint: BoxEndpoint, schema: T, call: BoxCall): Promise<z.output<T>> {
    return this.#traced(call, (span) => this.#json(endpoint, schema, call, span));
  }

  /** The reply of a successful call; the caller consumes or destroys the body. */
  stream(endpoint: BoxEndpoint, call: BoxCall): Promise<Dispatcher.ResponseData> {
    return this.#traced(call, (span) => this.#stream(endpoint, call, span));
  }

  /** Calls that belong to a request or a task; those that links make all the time have no span. */
  #traced<T>({ method, path }: BoxCall, work: (span: OpenSpan) => Promise<T>): Promise<T> {
    const name = `box ${method} ${path.replaceAll(/\/[a-z0-9]{16,64}(?=\/|$)/g, '/:id')}`;
    const attributes = { 'http.request.method': method, 'url.path': path };
    return this.#tracing.run({ name, kind: 'client', attributes, onlyInside: true }, work);
  }

  async #json<T extends z.ZodType>(
    endpoint: BoxEndpoint,
    schema: T,
    call: BoxCall,
    span: OpenSpan,
  ): Promise<z.output<T>> {
    const reply = await this.#stream(endpoint, call, span);
    const text = await readBounded(reply.body, MAX_REPLY_BYTES).catch((error: unknown) => {
      throw call.signal?.reason instanceof ApiError ? call.signal.reason : error;
    });
    return parseReply(schema, text, call);
  }

  async #stream(endpoint: BoxEndpoint, call: BoxCall, span: OpenSpan): Promise<Dispatcher.ResponseData> {
    const reply = await this.#request(endpoint, call);
    span.set({ 'http.response.status_code': reply.statusCode });
    call.onReply?.(reply.headers);
    if (reply.statusCode < 300 || reply.statusCode === 304) return reply;
    throw await toApiError(reply);
  }

  /** The reply of a successful transfer; the caller consumes or destroys it. */
  async transfer(endpoint: BoxEndpoint, call: TransferCall): Promise<IncomingMessage> {
    const reply = await openTransfer(endpoint, call);
    const { statusCode = 502, headers } = reply;
    call.onReply?.(headers);
    if (statusCode < 300 || statusCode === 304) return reply;
    throw await toApiError({ statusCode, headers, body: reply });
  }

  /** The same for replies in JSON. */
  async transferJson<T extends z.ZodType>(
    endpoint: BoxEndpoint,
    schema: T,
    call: TransferCall,
  ): Promise<z.output<T>> {
    return parseReply(schema, await readBounded(await this.transfer(endpoint, call), MAX_REPLY_BYTES), call);
  }

  /** Ends the connections to a box that is gone. */
  forget(endpoint: BoxEndpoint): void {
    const agent = this.#agents.get(endpoint.token);
    this.#agents.delete(endpoint.token);
    agent?.destroy().catch(() => undefined);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    this.#agents.clear();
  }

  #agentOf({ token }: BoxEndpoint): Agent {
    const known = this.#agents.get(token);
    if (known) return known;
    const agent = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS }, connections: 128, pipelining: 1 });
    this.#agents.set(token, agent);
    return agent;
  }

  async #request(endpoint: BoxEndpoint, call: BoxCall): Promise<Dispatcher.ResponseData> {
    const { traceparent } = this.#tracing;
    try {
      return await request(`http://${endpoint.host}:${endpoint.port}${call.path}`, {
        dispatcher: this.#agentOf(endpoint),
        method: call.method,
        ...(call.query ? { query: call.query } : {}),
        headers: {
          authorization: `Bearer ${endpoint.token}`,
          ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(traceparent === undefined ? {} : { traceparent }),
          ...call.headers,
        },
        body: call.json === undefined ? (call.body ?? null) : JSON.stringify(call.json),
        signal: call.signal ?? null,
        headersTimeout: call.timeoutMs,
        bodyTimeout: call.timeoutMs,
      });
    } catch (cause) {
      throw unreachable(cause, call);
    }
  }
}

function unreachable(cause: unknown, call: BoxCall): Error {
  if (call.signal?.reason instanceof ApiError) return call.signal.reason;
  if (call.signal?.aborted) return new DOMException('The call was aborted.', 'AbortError');
  const code = (cause as { code?: string }).code;
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return new ApiError('SANDBOX_TIMEOUT', undefined, { cause });
  return new ApiError('SANDBOX_UNREACHABLE', undefined, { cause });
}

function parseReply<T extends z.ZodType>(
  schema: T,
  text: string,
  { path }: Pick<BoxCall, 'path'>,
): z.output<T> {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const what = `The sandbox sent a malformed answer to ${path}.`;
  throw new ApiError('SANDBOX_UNREACHABLE', what, { cause: parsed.error });
}

interface BoxReplyParts {
  statusCode: number;
  headers: IncomingHttpHeaders;
  body: AsyncIterable<Buffer>;
}

async function toApiError(reply: BoxReplyParts): Promise<ApiError> {
  const text = await readBounded(reply.body, 64 * 1024);
  const parsed = boxErrorSchema.safeParse(parseJson(text));
  if (!parsed.success)
    return new ApiError('SANDBOX_UNREACHABLE', `The sandbox answered with status ${reply.statusCode}.`);
  const code = codes[parsed.data.code];
  const message = parsed.data.error.slice(0, 500);
  const cause = new BoxRefusal(parsed.data.code, reply.headers);
  return code
    ? new ApiError(code, message, { cause })
    : new ApiError('SANDBOX_UNREACHABLE', `The sandbox answered: ${message}`, { cause });
}

async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > maxBytes)
        throw new ApiError('SANDBOX_UNREACHABLE', 'The sandbox sent an answer that is too long.');
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError('SANDBOX_UNREACHABLE', 'The sandbox broke off its answer.', { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import {
  ApiError,
  type RouteBody,
  type RouteDefinition,
  type RouteQuery,
  type RouteResult,
} from '@banata/protocol';
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { requirePermission, type AccessService, type Caller } from '../services/access.ts';
import type { Metrics } from '../metrics.ts';
import { toApiError } from '../services/failures.ts';
import type { AuditLog } from '../services/access/audit-log.ts';
import type { Reservation } from '../services/limits/idempotency.ts';
import type { OpenSpan, Tracing } from '../tracing/tracing.ts';
import { AuditNote } from './audit-note.ts';
import { clientAddress } from './client-address.ts';
import { authenticate } from './credentials.ts';
import { parseInput } from './parse.ts';
import type { RequestLimits } from './request-limits.ts';

/** JSON bodies are no longer than this; larger contents go as raw bodies. */
const MAX_JSON_BODY_BYTES = 24 * 1024 * 1024;

export type ApiEnv = { Bindings: HttpBindings; Variables: { requestId: string; span: OpenSpan } };
export type ApiContext = Context<ApiEnv>;

/** A request that was authenticated and parsed, as handlers get it. */
export interface ApiRequest<T extends RouteDefinition> {
  /** Who asks. Set on every route that takes an API key. */
  caller: Caller;
  query: RouteQuery<T>;
  body: RouteBody<T>;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
  /** Checks the caller once more, for replies that go on for long; throws what a new request would be answered. */
  recheck: () => Promise<void>;
  context: ApiContext;
  /** Id for the object the request makes, where it came with an Idempotency-Key. */
  reservation: Reservation | undefined;
  /** What the audit log will say of this request; for routes that find out themselves who makes it. */
  audit: AuditNote;
}

/** Answers with the reply's content, or with a response of its own where the reply is no JSON. */
export type Handler<T extends RouteDefinition> = (
  request: ApiRequest<T>,
) => Promise<RouteResult<T> | Response>;

const NOBODY: Caller = {
  organizationId: '',
  actor: { kind: 'user', id: '', name: '' },
  scopes: [],
  operator: false,
  sessionId: null,
  suspended: null,
};

export interface MountDeps {
  access: AccessService;
  auditLog: AuditLog;
  requestLimits: RequestLimits;
  metrics: Pick<Metrics, 'requests' | 'requestSeconds'>;
  tracing: Tracing;
  publicUrl: () => string;
  /** Proxies of the operator's in front of the server. */
  trustedProxies: number;
}

/**
 * Mounts routes of the contract: the one place where callers are checked, input and output are parsed, and the audit
 * log is written.
 */
export class Mount {
  readonly #app: Hono<ApiEnv>;
  readonly #deps: MountDeps;

  constructor(app: Hono<ApiEnv>, deps: MountDeps) {
    this.#app = app;
    this.#deps = deps;
  }

  route<T extends RouteDefinition>(route: T, handler: Handler<T>): void {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      this.#app.on(route.method, path, (context) =>
        this.#traced(route, context, () =>
          this.#measured(route, () => this.#audited(route, handler, context)),
        ),
      );
    }
  }

  /** The span ends with the head of the reply; a stream goes on after it. */
  #traced(route: RouteDefinition, context: ApiContext, serve: () => Promise<Response>): Promise<Response> {
    return this.#deps.tracing.run(
      {
        name: `${route.method} ${route.path}`,
        kind: 'server',
        parent: context.req.header('traceparent'),
        // Probes come every few seconds.
        onlyInside: route.tag === 'Health',
        attributes: {
          'http.request.method': route.method,
          'http.route': route.path,
          'banata.route': route.id,
          'banata.request.id': context.get('requestId'),
        },
      },
      async (span) => {
        context.set('span', span);
        try {
          const response = await serve();
          span.set({ 'http.response.status_code': response.status });
          if (response.status >= 500) span.fail(String(response.status));
          return response;
        } catch (error) {
          span.set({ 'http.response.status_code': toApiError(error).status });
          throw error;
        }
      },
    );
  }

  async #measured(route: RouteDefinition, serve: () => Promise<Response>): Promise<Response> {
    const { requests, requestSeconds } = this.#deps.metrics;
    const stop = requestSeconds.startTimer({ route: route.id });
    let status = 500;
    try {
      const response = await serve();
      ({ status } = response);
      return response;
    } catch (error) {
      if (error instanceof ApiError) ({ status } = error);
      throw error;
    } finally {
      stop();
      requests.inc({ route: route.id, status });
    }
  }

  async #audited<T extends RouteDefinition>(
    route: T,
    handler: Handler<T>,
    context: ApiContext,
  ): Promise<Response> {
    const note = new AuditNote(route, {
      ip: clientAddress(context, this.#deps.trustedProxies),
      requestId: context.get('requestId'),
    });
    if (route.method === 'GET') return this.#serve(route, handler, context, note);
    try {
      const response = await this.#serve(route, handler, context, note);
      await this.#record(note, { status: response.status });
      return response;
    } catch (error) {
      await this.#record(note, { error });
      throw error;
    }
  }

  async #record(note: AuditNote, end: { status: number } | { error: unknown }): Promise<void> {
    // An entry for each would let a flood of requests fill the log.
    if ('error' in end && end.error instanceof ApiError && end.error.code === 'RATE_LIMITED') return;
    const made = note.entry(end);
    if (made) await this.#deps.auditLog.record(made.organizationId, made.entry);
  }

  async #authenticate(route: RouteDefinition, context: ApiContext, note?: AuditNote): Promise<Caller> {
    if (route.auth === 'none' || route.auth === 'link') return NOBODY;
    const caller = await authenticate(context, this.#deps.access, this.#deps.publicUrl());
    note?.by(caller);
    context.get('span').set({ 'banata.organization.id': caller.organizationId });
    requirePermission(caller, route);
    return caller;
  }

  async #serve<T extends RouteDefinition>(
    route: T,
    handler: Handler<T>,
    context: ApiContext,
    note: AuditNote,
  ): Promise<Response> {
    const caller = await this.#authenticate(route, context, note);
    await this.#deps.requestLimits.holdToRate(route, caller, context);
    note.about(context.req.query());
    const query = route.query ? parseInput(route.query, context.req.query()) : {};
    const body = route.body && !isRaw(route, context) ? parseInput(route.body, await readJson(context)) : {};
    note.about(body);
    context.get('span').set({ 'banata.sandbox.id': sandboxIn(route, { ...query, ...body }) });
    const { reply } = route;
    const { requestLimits } = this.#deps;
    const request = { route, caller, input: { query, body }, context };
    const answer = await requestLimits.once<unknown>(request, async (reservation) => {
      const result = await handler({
        caller,
        query: query as RouteQuery<T>,
        body: body as RouteBody<T>,
        signal: context.req.raw.signal,
        recheck: async () => {
          await this.#authenticate(route, context);
        },
        context,
        reservation,
        audit: note,
      });
      if (result instanceof Response) return result;
      if (reply.kind !== 'json') throw new Error(`route ${route.id} answers ${reply.kind}, not JSON`);
      return reply.schema.parse(result);
    });
    if (answer instanceof Response) return answer;
    note.about(answer as object);
    // Through the context, so that cookies the handler set are on the reply.
    return context.json(answer as object, (reply as { status: number }).status as ContentfulStatusCode);
  }
}

function sandboxIn({ id }: RouteDefinition, input: { id?: unknown }): string | undefined {
  return id.startsWith('sandboxes.') && typeof input.id === 'string' ? input.id : undefined;
}

/** Whether the request carries raw bytes, on a route that takes them. */
export function isRaw(route: RouteDefinition, context: ApiContext): boolean {
  return route.rawBody === true && !(context.req.header('content-type') ?? '').startsWith('application/json');
}

async function readJson(context: ApiContext): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Node's own stream, which costs a fraction of the web stream of a request. Not destroyed when the loop is left, as
  // the reply goes over the same socket.
  const { incoming } = context.env;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_JSON_BODY_BYTES) {
      throw new ApiError('PAYLOAD_TOO_LARGE', `The body is longer than ${MAX_JSON_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  if (size === 0)
    throw new ApiError('INVALID_REQUEST', 'The body is empty. Send JSON: {} where nothing is to be said.');
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new ApiError('INVALID_REQUEST', 'The body is not valid JSON.', { cause });
  }
}

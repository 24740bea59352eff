import {
  ApiError,
  type RouteBody,
  type RouteDefinition,
  type RouteQuery,
  type RouteResult,
} from '@banata/protocol';
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { AccessService, Caller } from '../services/access.ts';
import { parseInput } from './parse.ts';

/** JSON bodies are no longer than this; larger contents go as raw bodies. */
const MAX_JSON_BODY_BYTES = 24 * 1024 * 1024;

export type ApiEnv = { Bindings: HttpBindings; Variables: { requestId: string } };
export type ApiContext = Context<ApiEnv>;

/** A request that was authenticated and parsed, as handlers get it. */
export interface ApiRequest<T extends RouteDefinition> {
  /** Who asks. Set on every route that takes an API key. */
  caller: Caller;
  query: RouteQuery<T>;
  body: RouteBody<T>;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
  context: ApiContext;
}

/** Answers with the reply's content, or with a response of its own where the reply is no JSON. */
export type Handler<T extends RouteDefinition> = (
  request: ApiRequest<T>,
) => Promise<RouteResult<T> | Response>;

const NOBODY: Caller = { organizationId: '', keyId: '', scopes: [] };

/** Mounts routes of the contract: the one place where keys are checked and input and output are parsed. */
export class Mount {
  readonly #app: Hono<ApiEnv>;
  readonly #access: AccessService;

  constructor(app: Hono<ApiEnv>, access: AccessService) {
    this.#app = app;
    this.#access = access;
  }

  route<T extends RouteDefinition>(route: T, handler: Handler<T>): void {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      this.#app.on(route.method, path, (context) => this.#serve(route, handler, context));
    }
  }

  async #serve<T extends RouteDefinition>(
    route: T,
    handler: Handler<T>,
    context: ApiContext,
  ): Promise<Response> {
    const caller =
      route.auth === 'none' || route.auth === 'link'
        ? NOBODY
        : await this.#access.authenticate(context.req.header('authorization'), route.auth);
    const query = route.query ? parseInput(route.query, context.req.query()) : {};
    const body = route.body && !isRaw(route, context) ? parseInput(route.body, await readJson(context)) : {};
    const result = await handler({
      caller,
      query: query as RouteQuery<T>,
      body: body as RouteBody<T>,
      signal: context.req.raw.signal,
      context,
    });
    if (result instanceof Response) return result;
    if (route.reply.kind !== 'json')
      throw new Error(`route ${route.id} answers ${route.reply.kind}, not JSON`);
    return Response.json(route.reply.schema.parse(result), { status: route.reply.status });
  }
}

/** Whether the request carries raw bytes, on a route that takes them. */
export function isRaw(route: RouteDefinition, context: ApiContext): boolean {
  return route.rawBody === true && !(context.req.header('content-type') ?? '').startsWith('application/json');
}

async function readJson(context: ApiContext): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_JSON_BODY_BYTES) {
      throw new ApiError('PAYLOAD_TOO_LARGE', `The body is longer than ${MAX_JSON_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new ApiError('INVALID_REQUEST', 'The body is not valid JSON.', { cause });
  }
}

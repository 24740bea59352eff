import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import type { RateLimitName } from './rate-limits.ts';
import type { Scope } from './scopes.ts';

/** What a route answers when it succeeds. */
export type RouteReply =
  | {
      kind: 'json';
      status: number;
      schema: z.ZodType;
      /** What the same route answers with `Accept: text/event-stream`. */
      stream?: { description: string; schema: z.ZodType };
    }
  | { kind: 'sse'; description: string; schema: z.ZodType }
  /** With `ranges` a part can be asked for (`Range`), and nothing where the caller has it (`If-None-Match`). */
  | { kind: 'bytes'; description: string; contentType: string; ranges?: true }
  /** The reply leads a browser to another address, status 302. */
  | { kind: 'redirect'; description: string }
  /** The route takes a WebSocket upgrade. */
  | { kind: 'websocket'; description: string };

/** One route of the API as data: the server mounts it, the OpenAPI document and the clients come from it. */
export interface RouteDefinition {
  /** Such as `sandboxes.create`. */
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** A GET route that answers HEAD with its headers, too. */
  head?: true;
  path: string;
  /** Other paths under which the same route answers: the names of the other API generation. */
  aliases?: string[];
  tag: string;
  summary: string;
  description?: string;
  /**
   * Scope the key or the signed-in user needs; `any` takes every valid key and session, `user` signed-in users only;
   * `link` routes take a signed token in the query instead; `none` are public.
   */
  auth: Scope | 'any' | 'user' | 'link' | 'none';
  /** Only callers of the organization that runs this installation may use the route. */
  operator?: true;
  /** The route works for callers of a suspended organization too. */
  whileSuspended?: true;
  /** Rate limit the route counts against. Default: `other.read` for GET, `other.write` for the rest. */
  rateLimit?: RateLimitName;
  /**
   * The route takes an `Idempotency-Key`. After a crash half-way, `resumes` routes finish with the id that was set
   * aside for the object; `once` routes hand out a secret that nobody has seen, so they never run a second time.
   */
  idempotency?: 'resumes' | 'once';
  /** Fields of query and body the audit log keeps beside ids. Never one that can hold a secret. */
  audit?: string[];
  query?: z.ZodObject;
  body?: z.ZodObject;
  /**
   * The body may also be raw bytes; `id` and the other fields are then in the query. Without `body` it is nothing else.
   */
  rawBody?: boolean;
  /** Media type of raw bytes. Default `application/octet-stream`. */
  rawType?: string;
  reply: RouteReply;
  /** Errors beside the ones every route of its kind can answer. */
  errors: ErrorCode[];
}

/** Keeps the literal types of a definition, so that handlers are typed by it. */
export function defineRoute<const T extends RouteDefinition>(definition: T): T {
  return definition;
}

export type RouteQuery<T extends RouteDefinition> = T extends { query: infer Q extends z.ZodType }
  ? z.output<Q>
  : object;
export type RouteBody<T extends RouteDefinition> = T extends { body: infer B extends z.ZodType }
  ? z.output<B>
  : object;
export type RouteResult<T extends RouteDefinition> = T extends {
  reply: { kind: 'json'; schema: infer S extends z.ZodType };
}
  ? z.input<S>
  : Response;

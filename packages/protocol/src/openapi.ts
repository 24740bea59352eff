import type { z } from 'zod';
import { allRoutes } from './contract.ts';
import { errorBodySchema, errorRegistry, type ErrorCode } from './errors.ts';
import { rateLimitOf } from './rate-limits.ts';
import type { RouteDefinition } from './route.ts';
import { SchemaBook } from './schema-book.ts';
import { SESSION_COOKIE } from './schemas/access.ts';
import { webhookPayloadSchema } from './schemas/webhooks.ts';

type Json = Record<string, unknown>;

function parameters(query: z.ZodObject | undefined, book: SchemaBook): Json[] {
  if (!query) return [];
  const schema = book.schema(query, 'input') as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }));
}

function idempotencyHeader({ idempotency }: RouteDefinition): Json[] {
  if (idempotency === undefined) return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description:
        'Name of your own for this request. Sent again within 24 hours, it answers what the first one answered and makes nothing new.',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
    },
  ];
}

function success(route: RouteDefinition, book: SchemaBook): Json {
  const { reply } = route;
  switch (reply.kind) {
    case 'json':
      return {
        [reply.status]: {
          description: reply.stream ? `Success. As a stream: ${reply.stream.description}` : 'Success',
          content: {
            'application/json': { schema: book.schema(reply.schema, 'output') },
            ...(reply.stream && {
              'text/event-stream': { schema: book.schema(reply.stream.schema, 'output') },
            }),
          },
        },
      };
    case 'sse':
      return {
        200: {
          description: reply.description,
          content: { 'text/event-stream': { schema: book.schema(reply.schema, 'output') } },
        },
      };
    case 'bytes': {
      const content = { [reply.contentType]: {} };
      return {
        200: { description: reply.description, content },
        ...(reply.ranges
          ? {
              206: { description: 'The part that `Range` asks for.', content },
              304: { description: 'The caller has it: `If-None-Match` names its ETag.' },
            }
          : {}),
      };
    }
    case 'redirect':
      return { 302: { description: reply.description } };
    case 'websocket':
      return { 101: { description: `WebSocket: ${reply.description}` } };
  }
}

/** Errors a route can answer: its own, and the ones that come with its kind. */
export function routeErrors(route: RouteDefinition): ErrorCode[] {
  const common: ErrorCode[] = ['INTERNAL'];
  if (route.auth === 'link') common.push('LINK_INVALID');
  else if (route.auth !== 'none') {
    common.push('UNAUTHORIZED', 'PERMISSION_DENIED');
    if (route.method !== 'GET') common.push('ORIGIN_REFUSED');
    // The operator's own organization is never suspended.
    if (!route.operator && !route.whileSuspended) common.push('ORGANIZATION_SUSPENDED');
  }
  if (rateLimitOf(route) !== undefined) common.push('RATE_LIMITED');
  if (route.idempotency !== undefined) {
    common.push('IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_IN_USE');
    if (route.idempotency === 'once') common.push('IDEMPOTENCY_OUTCOME_UNKNOWN');
  }
  if (route.body ?? route.query) common.push('INVALID_REQUEST');
  if (route.body) common.push('PAYLOAD_TOO_LARGE');
  return [...new Set([...common, ...route.errors])];
}

function failures(route: RouteDefinition): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of routeErrors(route)) {
    const { status } = errorRegistry[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes
          .map((code) => `\`${code}\`: ${errorRegistry[code].message}. ${errorRegistry[code].suggestion}`)
          .join('\n\n'),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
}

function requestBody(route: RouteDefinition, book: SchemaBook): Json {
  const content: Json = {};
  if (route.body) content['application/json'] = { schema: book.schema(route.body, 'input') };
  if (route.rawBody) content[route.rawType ?? 'application/octet-stream'] = {};
  if (Object.keys(content).length === 0) return {};
  return { requestBody: { required: true, content } };
}

function security({ auth }: RouteDefinition): Json[] {
  if (auth === 'none' || auth === 'link') return [];
  return auth === 'user' ? [{ session: [] }] : [{ apiKey: [] }, { session: [] }];
}

const RANGE_HEADERS = {
  Range: 'One range of bytes, such as `bytes=0-1023`.',
  'If-Range': 'ETag with which the range is meant; for another file all is sent.',
  'If-None-Match': 'ETag of what the caller has.',
};

function rangeHeaders({ reply }: RouteDefinition): Json[] {
  if (reply.kind !== 'bytes' || !reply.ranges) return [];
  return Object.entries(RANGE_HEADERS).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
}

/** What HEAD answers where GET would: the same headers and no body. */
function headOperation(route: RouteDefinition, path: string, book: SchemaBook): Json {
  const get = operation(route, path, book);
  return {
    ...get,
    operationId: `${route.id}:head${path === route.path ? '' : `:${path}`}`,
    summary: `${route.summary}: the headers only`,
    parameters: parameters(route.query, book),
    responses: {
      ...failures(route),
      200: { description: 'Length, ETag and time of the last change, in the headers.' },
    },
  };
}

function operation(route: RouteDefinition, path: string, book: SchemaBook): Json {
  return {
    operationId: path === route.path ? route.id : `${route.id}:${path}`,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...(path === route.path ? {} : { deprecated: true }),
    security: security(route),
    parameters: [...parameters(route.query, book), ...idempotencyHeader(route), ...rangeHeaders(route)],
    ...requestBody(route, book),
    responses: { ...success(route, book), ...failures(route) },
  };
}

/** What the server sends to webhooks. */
function webhookOperation(book: SchemaBook): Json {
  const header = (name: string, description: string): Json => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  });
  return {
    operationId: 'webhook.event',
    tags: ['Webhooks'],
    summary: 'An event, posted to the URL of a webhook',
    security: [],
    parameters: [
      header('webhook-id', 'Id of the event; the same in every attempt.'),
      header('webhook-timestamp', 'When this attempt began, seconds since the epoch.'),
      header('webhook-signature', 'One or more signatures, "v1," and base64, divided by spaces.'),
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: book.schema(webhookPayloadSchema, 'output') } },
    },
    responses: {
      '2XX': { description: 'The event has arrived.' },
      410: { description: 'Send nothing any more: the webhook is disabled.' },
      429: { description: 'Try again, not before Retry-After.' },
      default: { description: 'Try again later.' },
    },
  };
}

/** The OpenAPI 3.1 document of the whole API. */
export function openApiDocument(options: { version: string; serverUrl: string }): Json {
  const book = new SchemaBook();
  const error = book.schema(errorBodySchema, 'output');
  const paths: Record<string, Json> = {};
  for (const route of allRoutes) {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, path, book) };
      if (route.head) paths[path]['head'] = headOperation(route, path, book);
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Banata',
      version: options.version,
      description: 'Sandboxes for products that work with agents.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.serverUrl }],
    tags: [...new Set(allRoutes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    webhooks: { event: { post: webhookOperation(book) } },
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'API key, br_live_…' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description: 'Session of a signed-in user; writes also need an Origin header of this server.',
        },
      },
      schemas: { Error: error, ...book.components },
    },
  };
}

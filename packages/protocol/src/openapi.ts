import { z } from 'zod';
import { allRoutes } from './contract.ts';
import { errorBodySchema, errorRegistry, type ErrorCode } from './errors.ts';
import type { RouteDefinition } from './route.ts';

type Json = Record<string, unknown>;

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  });
  return rest;
}

function parameters(query: z.ZodObject | undefined): Json[] {
  if (!query) return [];
  const schema = jsonSchema(query, 'input') as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }));
}

function success(route: RouteDefinition): Json {
  const { reply } = route;
  switch (reply.kind) {
    case 'json':
      return {
        [reply.status]: {
          description: 'Success',
          content: { 'application/json': { schema: jsonSchema(reply.schema, 'output') } },
        },
      };
    case 'sse':
      return {
        200: {
          description: reply.description,
          content: { 'text/event-stream': { schema: jsonSchema(reply.schema, 'output') } },
        },
      };
    case 'bytes':
      return { 200: { description: reply.description, content: { [reply.contentType]: {} } } };
    case 'websocket':
      return { 101: { description: `WebSocket: ${reply.description}` } };
  }
}

/** Errors a route can answer: its own, and the ones that come with its kind. */
export function routeErrors(route: RouteDefinition): ErrorCode[] {
  const common: ErrorCode[] = ['INTERNAL'];
  if (route.auth === 'link') common.push('LINK_INVALID');
  else if (route.auth !== 'none') common.push('UNAUTHORIZED', 'PERMISSION_DENIED');
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

function requestBody(route: RouteDefinition): Json {
  if (!route.body) return {};
  const content: Json = { 'application/json': { schema: jsonSchema(route.body, 'input') } };
  if (route.rawBody) content['application/octet-stream'] = {};
  return { requestBody: { required: true, content } };
}

function operation(route: RouteDefinition, path: string): Json {
  return {
    operationId: path === route.path ? route.id : `${route.id}:${path}`,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...(path === route.path ? {} : { deprecated: true }),
    security: route.auth === 'none' || route.auth === 'link' ? [] : [{ apiKey: [] }],
    parameters: parameters(route.query),
    ...requestBody(route),
    responses: { ...success(route), ...failures(route) },
  };
}

/** The OpenAPI 3.1 document of the whole API. */
export function openApiDocument(options: { version: string; serverUrl: string }): Json {
  const paths: Record<string, Json> = {};
  for (const route of allRoutes) {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, path) };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Banata',
      version: options.version,
      description: 'Sandboxes for products that work with agents.',
    },
    servers: [{ url: options.serverUrl }],
    paths,
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'API key, br_live_…' } },
      schemas: { Error: jsonSchema(errorBodySchema, 'output') },
    },
  };
}

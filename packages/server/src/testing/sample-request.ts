import { newId, type RouteDefinition } from '@banata/protocol';
import { z } from 'zod';

/** An object of each kind, to name in requests. */
export interface SampleIds {
  sandbox: string;
  browser: string;
  apiKey: string;
  user: string;
  webhook: string;
  skill: string;
}

/** A request that a route takes. */
export interface SampleRequest {
  /** Query, with its question mark, or empty. */
  search: string;
  init: { headers?: Record<string, string>; body?: string };
  /** Whether the request is about one object that the caller must own. */
  namesObject: boolean;
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  minimum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  minLength?: number;
  pattern?: string;
  format?: string;
}

/** Values of fields whose schema does not say what makes sense. */
const known: Record<string, unknown> = {
  email: 'sample@example.test',
  ownerEmail: 'sample@example.test',
  url: 'https://example.com/sample',
  path: '/workspace/sample.txt',
  to: '/workspace/sample2.txt',
  mode: '0644',
  key: 'sample.txt',
  profileKey: 'sample',
  context: 'samplecontext',
  checkpointId: 'samplecheckpoint',
  network: { egress: 'all' },
  paths: ['/workspace/sample.txt'],
  keys: 'Enter',
  reason: 'custom',
  viewer: 'sample-viewer-0001',
  points: [
    { x: 1, y: 1 },
    { x: 2, y: 2 },
  ],
};

/** Builds a request from the schemas of the contract: what is required, and the object's `id`. */
export function sampleRequest(route: RouteDefinition, ids: SampleIds): SampleRequest {
  const query = route.query ? fill(inputSchema(route.query), route, ids) : {};
  const search = new URLSearchParams(
    Object.entries(query as Record<string, unknown>).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]),
  ).toString();
  const body = route.body && fill(inputSchema(route.body), route, ids);
  return {
    search: search === '' ? '' : `?${search}`,
    init: body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {},
    namesObject: 'id' in (query as object) || (typeof body === 'object' && body !== null && 'id' in body),
  };
}

function inputSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

function fill(schema: JsonSchema, route: RouteDefinition, ids: SampleIds): unknown {
  const fields = Object.entries(schema.properties ?? {}).filter(
    ([name]) => name === 'id' || schema.required?.includes(name),
  );
  return Object.fromEntries(
    fields.map(([name, field]) => [name, name === 'id' ? idFor(route, ids) : sample(name, field)]),
  );
}

function idFor(route: RouteDefinition, ids: SampleIds): string {
  const [family] = route.id.split('.');
  if (family === 'apiKeys') return ids.apiKey;
  if (family === 'users') return ids.user;
  if (family === 'webhooks') return ids.webhook;
  if (family === 'browsers') return ids.browser;
  if (family === 'skills') return ids.skill;
  return ids.sandbox;
}

function sample(name: string, schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (name in known) return known[name];
  const [first] = schema.anyOf ?? [];
  if (first) return sample(name, first);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1);
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(name, schema.items ?? {}));
    case 'object':
      return {};
    default:
      return name.endsWith('Id') ? newId() : 'sample text';
  }
}

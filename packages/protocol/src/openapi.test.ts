import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { allRoutes } from './contract.ts';
import { openApiDocument } from './openapi.ts';
import { SchemaBook } from './schema-book.ts';

const document = openApiDocument({ version: '1.2.3', serverUrl: 'http://127.0.0.1:7070' });

function* references(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref' && typeof item === 'string') yield item;
    else yield* references(item);
  }
}

function resolve(pointer: string): unknown {
  let at: unknown = document;
  for (const part of pointer.replace(/^#\//, '').split('/')) at = (at as Record<string, unknown>)[part];
  return at;
}

describe('openApiDocument', () => {
  test('has every route under each of its paths', () => {
    const paths = document['paths'] as Record<string, Record<string, unknown>>;
    for (const route of allRoutes) {
      for (const path of [route.path, ...(route.aliases ?? [])])
        expect(paths[path]?.[route.method.toLowerCase()], `${route.method} ${path}`).toBeDefined();
    }
  });

  test('refers to nothing that is not there', () => {
    const all = [...references(document)];
    expect(all.length).toBeGreaterThan(50);
    for (const reference of all) expect(resolve(reference), reference).toBeDefined();
  });

  test('shows both forms of a route that also answers as a stream', () => {
    for (const path of ['/v1/events', '/v1/sandboxes/events', '/v1/sandboxes/processes/output']) {
      const { responses } = (document['paths'] as Record<string, { get: { responses: object } }>)[path]!.get;
      const { content } = (responses as Record<string, { content: object }>)['200']!;
      expect(Object.keys(content), path).toEqual(['application/json', 'text/event-stream']);
    }
  });

  test('tells of raw bodies, of HEAD and of ranges', () => {
    const paths = document['paths'] as Record<string, Record<string, Record<string, object>>>;
    const file = paths['/v1/sandboxes/fs/file'];
    expect(Object.keys(file ?? {}).sort()).toEqual(['get', 'head', 'put']);
    expect(file?.['put']?.['requestBody']).toEqual({
      required: true,
      content: { 'application/octet-stream': {} },
    });
    expect(Object.keys(file?.['get']?.['responses'] ?? {})).toEqual(
      expect.arrayContaining(['200', '206', '304', '404', '416']),
    );
    expect(file?.['head']?.['responses']).not.toHaveProperty('206');
  });

  test('names every operation once', () => {
    const paths = document['paths'] as Record<string, Record<string, { operationId: string }>>;
    const ids = Object.values(paths).flatMap((item) => Object.values(item).map((entry) => entry.operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('SchemaBook', () => {
  test('puts a schema with an id into the components, and recursive ones too', () => {
    const book = new SchemaBook();
    const named = z.object({ id: z.string(), more: z.json() }).meta({ id: 'Named' });
    expect(book.schema(z.array(named), 'output')).toEqual({
      type: 'array',
      items: { $ref: '#/components/schemas/Named' },
    });
    expect(Object.keys(book.components)).toEqual(['JsonValue', 'Named']);
    expect(book.components['Named']).toMatchObject({
      type: 'object',
      properties: { id: { type: 'string' }, more: { $ref: '#/components/schemas/JsonValue' } },
    });
  });

  test('refuses two schemas under one id', () => {
    const book = new SchemaBook();
    book.schema(z.object({ a: z.string().meta({ id: 'Twice' }) }), 'output');
    const other = z.object({ a: z.number().meta({ id: 'Twice' }) });
    expect(() => book.schema(other, 'output')).toThrow('Twice');
  });
});

import { allRoutes } from '@banata/protocol';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { parseInput } from './parse.ts';

function schemaOf(id: string, part: 'body' | 'query' = 'body'): z.ZodType {
  const schema = allRoutes.find((route) => route.id === id)?.[part];
  if (!schema) throw new Error(`There is no route ${id} with a ${part}`);
  return schema;
}

const create = schemaOf('sandboxes.create');
const listQuery = schemaOf('sandboxes.fs.list', 'query');

function refusalOf(schema: z.ZodType, input: unknown): unknown {
  try {
    parseInput(schema, input);
    return undefined;
  } catch (error) {
    return error;
  }
}

test.each([
  [listQuery, { id: 'x', limit: 'abc' }, 'limit', 'Invalid limit: not a number. '],
  [listQuery, { id: 'x', foo: '1' }, 'foo', 'Unknown field: foo'],
  [create, { region: 'IAD' }, 'region', "Invalid region: 'IAD'. Must be three lowercase letters"],
  [
    create,
    { env: { 'A B': 'x' } },
    'env.A B',
    'Invalid env.A B: a variable name has letters, digits and "_"',
  ],
  [create, { env: { A: 'x\0y' } }, 'env.A', 'A variable has no NUL character'],
  [
    create,
    { env: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`K${index}`, 'x'.repeat(32_000)])) },
    'env',
    'Invalid env: All variables together have at most 1 MiB',
  ],
  [create, { capabilities: { foo: {} } }, 'capabilities.foo', 'Unknown field: capabilities.foo'],
  [
    schemaOf('sandboxes.fs.sign'),
    { id: 'x', path: 'a' },
    'operation',
    'Missing required field: operation. Must be one of: read, write',
  ],
  [
    schemaOf('webhooks.create'),
    { url: 'https://a.example/', eventTypes: ['sandbox.ready'], event_types: ['sandbox.ready'] },
    'event_types',
    'Invalid event_types: Give eventTypes or event_types, not both',
  ],
])('input %# is refused by the name of its field', (schema, input, field, message) => {
  const refusal = refusalOf(schema, input);
  expect(refusal).toMatchObject({ code: 'INVALID_REQUEST', details: { field } });
  expect(String(refusal)).toContain(message);
});

import { z } from 'zod';
import { defineRoute } from '../route.ts';
import { modelKeySchema, modelProviderSchema, setModelKeySchema } from '../schemas/model-keys.ts';

const tag = 'Model keys';

export const listModelKeys = defineRoute({
  id: 'modelKeys.list',
  method: 'GET',
  path: '/v1/model-keys',
  tag,
  summary: 'List the model keys of the organization, masked',
  auth: 'organization:manage',
  reply: { kind: 'json', status: 200, schema: z.object({ data: z.array(modelKeySchema) }) },
  errors: [],
});

export const setModelKey = defineRoute({
  id: 'modelKeys.set',
  method: 'PUT',
  path: '/v1/model-keys',
  tag,
  summary: 'Set the key of a provider, in place of the one before',
  description:
    'The model gateway takes it for all sandboxes of the organization that bring none in their `env`, before the server’s own; sandboxes that run take another key of their provider with their next model call.',
  auth: 'organization:manage',
  audit: ['provider', 'baseUrl', 'model', 'smallModel'],
  body: setModelKeySchema,
  reply: { kind: 'json', status: 200, schema: modelKeySchema },
  errors: [],
});

export const deleteModelKey = defineRoute({
  id: 'modelKeys.delete',
  method: 'DELETE',
  path: '/v1/model-keys',
  tag,
  summary: 'Delete the key of a provider; no model call takes it any more',
  auth: 'organization:manage',
  audit: ['provider'],
  query: z.strictObject({ provider: modelProviderSchema }),
  reply: {
    kind: 'json',
    status: 200,
    schema: z.object({ provider: modelProviderSchema, deleted: z.literal(true) }),
  },
  errors: ['MODEL_KEY_NOT_FOUND'],
});

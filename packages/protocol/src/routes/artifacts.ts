import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  artifactListSchema,
  artifactSchema,
  downloadLinkSchema,
  publishArtifactSchema,
} from '../schemas/artifacts.ts';

const tag = 'Artifacts';

export const listArtifacts = defineRoute({
  id: 'sandboxes.artifacts.list',
  method: 'GET',
  path: '/v1/sandboxes/artifacts',
  tag,
  summary: 'List the artifacts of a sandbox; they outlive it',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    prefix: z.string().max(1024).optional(),
    limit: z.coerce.number().int().min(1).max(500).default(100),
    cursor: z.string().max(200).optional(),
  }),
  reply: { kind: 'json', status: 200, schema: artifactListSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const publishArtifact = defineRoute({
  id: 'sandboxes.artifacts.publish',
  method: 'POST',
  path: '/v1/sandboxes/artifacts',
  tag,
  summary: 'Keep a file of the sandbox as an artifact',
  auth: 'sandbox_sessions:exec',
  idempotency: 'resumes',
  body: publishArtifactSchema,
  reply: { kind: 'json', status: 201, schema: artifactSchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'FILE_NOT_FOUND',
    'FILE_ACCESS_DENIED',
    'SANDBOX_UNREACHABLE',
  ],
});

export const artifactDownloadLink = defineRoute({
  id: 'sandboxes.artifacts.link',
  method: 'GET',
  path: '/v1/sandboxes/artifacts/download',
  tag,
  summary: 'A signed URL under which anyone can download the artifact until it expires',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema, key: z.string().min(1).max(1024) }),
  reply: { kind: 'json', status: 200, schema: downloadLinkSchema },
  errors: ['SANDBOX_NOT_FOUND', 'ARTIFACT_NOT_FOUND'],
});

export const downloadArtifact = defineRoute({
  id: 'artifacts.content',
  method: 'GET',
  path: '/v1/artifacts/content',
  tag,
  summary: 'Content of an artifact, by signed URL',
  auth: 'link',
  query: z.strictObject({ token: z.string() }),
  reply: { kind: 'bytes', description: 'The content', contentType: 'application/octet-stream' },
  errors: ['LINK_INVALID', 'ARTIFACT_NOT_FOUND'],
});

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  artifactKindSchema,
  artifactListSchema,
  artifactSchema,
  deleteArtifactReplySchema,
  downloadLinkSchema,
  publishArtifactSchema,
} from '../schemas/artifacts.ts';

const tag = 'Artifacts';

const keySchema = z
  .string()
  .max(1024)
  .regex(/^[^\0]*$/, 'no NUL');
const pageFields = {
  prefix: keySchema.optional().describe('Only keys that begin with it.'),
  kind: artifactKindSchema.optional().describe('Only of this kind.'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(2000).optional().describe('`nextCursor` of the page before.'),
};

export const listArtifacts = defineRoute({
  id: 'sandboxes.artifacts.list',
  method: 'GET',
  path: '/v1/sandboxes/artifacts',
  tag,
  summary: 'List the artifacts of a sandbox; they outlive it',
  auth: 'sandbox_sessions:read',
  description: 'In the order of their keys.',
  query: z.strictObject({ id: idSchema, ...pageFields }),
  reply: { kind: 'json', status: 200, schema: artifactListSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const listOrganizationArtifacts = defineRoute({
  id: 'artifacts.list',
  method: 'GET',
  path: '/v1/artifacts',
  tag,
  summary: 'List the artifacts of the organization, newest first',
  auth: 'sandbox_sessions:read',
  query: z.strictObject(pageFields),
  reply: { kind: 'json', status: 200, schema: artifactListSchema },
  errors: [],
});

export const publishArtifact = defineRoute({
  id: 'sandboxes.artifacts.publish',
  method: 'POST',
  path: '/v1/sandboxes/artifacts',
  tag,
  summary: 'Keep a file or a folder of the sandbox as an artifact',
  description:
    'A folder is packaged in the sandbox, with the rights of its ordinary user. The answer comes when the content is safe; under the same name again, the artifact is replaced. While the object store does not answer, the artifact is "pending" and can be downloaded through the server.',
  auth: 'sandbox_sessions:exec',
  idempotency: 'resumes',
  audit: ['path', 'name'],
  body: publishArtifactSchema,
  reply: { kind: 'json', status: 201, schema: artifactSchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'FILE_NOT_FOUND',
    'FILE_ACCESS_DENIED',
    'PATH_INVALID',
    'SANDBOX_UNREACHABLE',
    'PAYLOAD_TOO_LARGE',
    'ARTIFACT_QUOTA_EXCEEDED',
    'HOST_DISK_FULL',
    'STORE_UNAVAILABLE',
  ],
});

export const deleteArtifact = defineRoute({
  id: 'sandboxes.artifacts.delete',
  method: 'DELETE',
  path: '/v1/sandboxes/artifacts',
  tag,
  summary: 'Delete an artifact, also of a sandbox that has ended',
  auth: 'sandbox_sessions:delete',
  audit: ['key'],
  query: z.strictObject({ id: idSchema, key: keySchema.min(1) }),
  reply: { kind: 'json', status: 200, schema: deleteArtifactReplySchema },
  errors: ['SANDBOX_NOT_FOUND', 'CONFLICT'],
});

export const artifactDownloadLink = defineRoute({
  id: 'sandboxes.artifacts.link',
  method: 'GET',
  path: '/v1/sandboxes/artifacts/download',
  tag,
  summary: 'A signed URL under which anyone can download the artifact until it expires',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema, key: keySchema.min(1) }),
  reply: { kind: 'json', status: 200, schema: downloadLinkSchema },
  errors: ['SANDBOX_NOT_FOUND', 'ARTIFACT_NOT_FOUND', 'STORE_UNAVAILABLE'],
});

export const downloadArtifact = defineRoute({
  id: 'artifacts.content',
  method: 'GET',
  path: '/v1/artifacts/content',
  tag,
  summary: 'Content of an artifact, by signed URL',
  description:
    'Takes `Range` with one range of bytes (206, or 416 outside the content) and `If-Range` with the ETag.',
  auth: 'link',
  query: z.strictObject({ token: z.string() }),
  reply: { kind: 'bytes', description: 'The content', contentType: 'application/octet-stream' },
  errors: ['LINK_INVALID', 'ARTIFACT_NOT_FOUND', 'STORE_UNAVAILABLE'],
});

import { z } from 'zod';
import { idSchema } from '../ids.ts';

export const artifactSchema = z
  .object({
    key: z.string().describe('Address of the artifact in its sandbox; begins with the artifactPrefix.'),
    name: z.string(),
    kind: z.enum(['file', 'task-report']),
    size: z.number(),
    contentType: z.string(),
    sha256: z.string(),
    source: z.string().nullable().describe('Path in the sandbox it was made from.'),
    createdAt: z.number(),
  })
  .meta({ id: 'Artifact' });
export type Artifact = z.infer<typeof artifactSchema>;

export const artifactListSchema = z.object({
  data: z.array(artifactSchema),
  nextCursor: z.string().nullable(),
});
export const publishArtifactSchema = z.strictObject({
  id: idSchema,
  path: z.string().min(1).max(4096).describe('File in the sandbox.'),
  name: z
    .string()
    .max(255)
    .regex(/^[^/\0]+$/, 'a file name without "/"')
    .optional()
    .describe('Default: the name of the file.'),
});
export const downloadLinkSchema = z.object({ url: z.string(), expiresAt: z.number() });

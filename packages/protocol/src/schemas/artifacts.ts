import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { pageOf } from './page.ts';

export const artifactKinds = [
  'file',
  'workspace',
  'task-report',
  'recording',
  'screenshot',
  'har',
  'document',
  'checkpoint',
] as const;

export const artifactKindSchema = z.enum(artifactKinds);
export type ArtifactKind = z.infer<typeof artifactKindSchema>;

/** How a folder is packaged. */
export const archiveFormatSchema = z.enum(['zip', 'tar.zst']);
export type ArchiveFormat = z.infer<typeof archiveFormatSchema>;

export const artifactSchema = z
  .object({
    key: z.string().describe('Address of the artifact in its sandbox; begins with the artifactPrefix.'),
    sandboxId: z.string().describe('Sandbox it was made in, which may have ended.'),
    organizationId: z.string(),
    name: z.string(),
    kind: artifactKindSchema.describe('What made it; "workspace" is a folder that was packaged.'),
    state: z
      .enum(['pending', 'stored', 'failed'])
      .describe(
        '"pending": safe on the server, on its way to the object store. "failed": what waited there was lost with the server’s disk.',
      ),
    size: z.number().describe('Bytes.'),
    contentType: z.string(),
    sha256: z.string().describe('Checksum of the content, hex.'),
    source: z.string().nullable().describe('Path in the sandbox it was made from.'),
    createdAt: z.number().describe('Epoch ms.'),
  })
  .meta({ id: 'Artifact' });
export type Artifact = z.infer<typeof artifactSchema>;

export const artifactListSchema = pageOf(artifactSchema);
const nameSchema = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^/\0]+$/, 'a file name without "/"')
  .refine((name) => name !== '.' && name !== '..', 'a file name other than "." and ".."');

export const publishArtifactSchema = z.strictObject({
  id: idSchema,
  path: z.string().min(1).max(4096).describe('File or folder in the sandbox; relative to /workspace.'),
  name: nameSchema
    .optional()
    .describe('Default: the name of the file, or that of the folder with the ending of the format.'),
  format: archiveFormatSchema.optional().describe('How a folder is packaged. Default "zip"; not for files.'),
});
export const deleteArtifactReplySchema = z.object({
  ok: z.literal(true),
  deleted: z.boolean().describe('False where there was none.'),
});
export const downloadLinkSchema = z.object({
  url: z.string(),
  expiresAt: z.number().describe('Epoch ms.'),
});

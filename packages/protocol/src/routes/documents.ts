import { defineRoute } from '../route.ts';
import { conversionSchema, convertDocumentSchema } from '../schemas/documents.ts';

export const convertDocument = defineRoute({
  id: 'sandboxes.documents.convert',
  method: 'POST',
  path: '/v1/sandboxes/documents/convert',
  tag: 'Documents',
  summary: 'Convert a document of the sandbox to another format',
  description:
    'Needs the capability `documents: { libreofficeHeadless: true }`. Macros of the document never run, and nothing it points to is fetched.',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'sandboxes.exec',
  audit: ['path', 'to', 'output'],
  body: convertDocumentSchema,
  reply: { kind: 'json', status: 200, schema: conversionSchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'SANDBOX_ENDED',
    'DOCUMENTS_NOT_ENABLED',
    'FILE_NOT_FOUND',
    'FILE_ACCESS_DENIED',
    'CONVERSION_UNSUPPORTED',
    'DOCUMENT_BROKEN',
    'DOCUMENT_ENCRYPTED',
    'CONVERSION_FAILED',
    'SANDBOX_EXHAUSTED',
    'SANDBOX_DISK_FULL',
    'SANDBOX_UNREACHABLE',
    'SANDBOX_TIMEOUT',
  ],
});

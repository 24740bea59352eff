import { getMimeType } from 'hono/utils/mime';

/** Media type by file name; what is not known is a stream of bytes. */
export function contentTypeOf(name: string): string {
  return getMimeType(name) ?? 'application/octet-stream';
}

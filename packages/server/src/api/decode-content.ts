import { ApiError } from '@banata/protocol';

/** The bytes of content in JSON. @throws {ApiError} INVALID_REQUEST when it is no base64 and says it is. */
export function decodeContent(content: string, encoding: 'utf8' | 'base64', field = 'content'): Buffer {
  if (encoding === 'base64' && !/^[A-Za-z0-9+/]*={0,2}$/.test(content)) {
    throw new ApiError(
      'INVALID_REQUEST',
      `Invalid ${field}: not base64. Use the standard alphabet without line breaks.`,
      { details: { field } },
    );
  }
  return Buffer.from(content, encoding);
}

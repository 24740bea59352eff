import { ApiError } from '@banata/protocol';

/** What a stream of a box that broke off is for its caller. */
export function toStreamError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const code = (error as { code?: string } | undefined)?.code;
  if (code === 'UND_ERR_BODY_TIMEOUT') return new ApiError('SANDBOX_TIMEOUT', undefined, { cause: error });
  return new ApiError('SANDBOX_UNREACHABLE', 'The sandbox broke off its answer.', { cause: error });
}

import type { ModelProvider } from './model-access.ts';

/** An answer of the gateway itself, not of the model server behind it. The message may be shown to the sandbox. */
export class GatewayError extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'GatewayError';
    this.status = status;
    this.headers = headers;
  }
}

/** Error types of the Anthropic API by status. Source: docs.anthropic.com, "Errors". */
const ANTHROPIC_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
};

/** Error types of the OpenAI API by status; other statuses have no type of their own there. */
const OPENAI_TYPES: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

function bodyOf(provider: ModelProvider, status: number, message: string): object {
  if (provider === 'anthropic') {
    return { type: 'error', error: { type: ANTHROPIC_TYPES[status] ?? 'api_error', message } };
  }
  if (provider === 'openrouter') return { error: { code: status, message } };
  const type = OPENAI_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { error: { message, type, param: null, code: null } };
}

/** The error in the shape that the provider's own SDKs read. */
export function providerErrorResponse(provider: ModelProvider, error: GatewayError): Response {
  const { status, message, headers } = error;
  return Response.json(bodyOf(provider, status, message), { status, headers });
}

import { z } from 'zod';

interface ErrorDefinition {
  status: number;
  /** Text of `error` when the thrower gives none. Documented texts are kept to the letter. */
  message: string;
  /** What the caller can do about it. */
  suggestion: string;
}

function define<T extends Record<string, ErrorDefinition>>(definitions: T): T {
  return definitions;
}

/** Every error the API answers, declared once: status, default text and what to do next. */
export const errorRegistry = define({
  INVALID_REQUEST: {
    status: 400,
    message: 'Invalid request',
    suggestion: 'Correct the field that the message names and send the request again.',
  },
  NOT_SUPPORTED: {
    status: 400,
    message: 'Not supported by this server',
    suggestion: 'Leave the field out, or use a server that offers the feature.',
  },
  UNAUTHORIZED: {
    status: 401,
    message: 'Invalid or missing API key',
    suggestion:
      'Send the header "Authorization: Bearer br_live_…" with a key that is neither revoked nor expired.',
  },
  SIGN_IN_FAILED: {
    status: 401,
    message: 'Wrong e-mail address or password',
    suggestion:
      'Try again, or ask an owner of the organization for a new invitation link (POST /v1/users/invite).',
  },
  INVITATION_INVALID: {
    status: 401,
    message: 'This invitation is invalid, was used or has expired',
    suggestion: 'Ask an owner of the organization for a new one (POST /v1/users/invite).',
  },
  ORIGIN_REFUSED: {
    status: 403,
    message: 'A request with a session cookie that changes something must come from a page of this server',
    suggestion:
      'Send it from the dashboard, so that the browser adds this server’s Origin, or use an API key. Behind a proxy set BANATA_PUBLIC_URL.',
  },
  SIGN_IN_BLOCKED: {
    status: 429,
    message: 'Too many failed sign-ins',
    suggestion: 'Wait as many seconds as Retry-After says, then try again.',
  },
  SIGN_IN_METHOD_UNAVAILABLE: {
    status: 501,
    message: 'This server has no OpenID Connect provider',
    suggestion: 'Sign in with a password, or set BANATA_OIDC_ISSUER and what belongs to it.',
  },
  API_KEY_NOT_FOUND: {
    status: 404,
    message: 'API key not found',
    suggestion: 'List the keys with GET /v1/api-keys.',
  },
  USER_NOT_FOUND: {
    status: 404,
    message: 'User not found',
    suggestion: 'List the users with GET /v1/users.',
  },
  PLAN_FEATURE_UNAVAILABLE: {
    status: 403,
    message: 'The plan of the organization does not include this feature',
    suggestion: 'Leave the feature out, or change to the plan named in "requiredPlan".',
  },
  PLAN_LIMIT_EXCEEDED: {
    status: 403,
    message: 'This exceeds a limit of the organization’s plan',
    suggestion:
      'Ask for less, end or pause a sandbox, wait for the next period, or change the plan; GET /v1/billing shows the limits.',
  },
  RATE_LIMITED: {
    status: 429,
    message: 'Rate limit exceeded. Please try again later.',
    suggestion: 'Wait as many seconds as Retry-After says, then try again; back off with jitter.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    message: 'This Idempotency-Key was used with another request body',
    suggestion: 'Use a new key for a new request; a key stands for one request for 24 hours.',
  },
  IDEMPOTENCY_KEY_IN_USE: {
    status: 409,
    message: 'The first request with this Idempotency-Key is still running',
    suggestion: 'Send the same request again after as many seconds as Retry-After says.',
  },
  IDEMPOTENCY_OUTCOME_UNKNOWN: {
    status: 409,
    message: 'The first request with this Idempotency-Key was interrupted, and may have made the object',
    suggestion:
      'List the objects, delete the one whose secret you never got, and create anew with a new key.',
  },
  ORGANIZATION_NOT_FOUND: {
    status: 404,
    message: 'Organization not found',
    suggestion: 'List the organizations with GET /v1/organizations.',
  },
  BILLING_NOT_CONFIGURED: {
    status: 501,
    message: 'This server sells no plans',
    suggestion:
      'Ask the operator for another plan (POST /v1/organizations/plan), or have the operator set BANATA_BILLING_CHECKOUT_URL.',
  },
  BILLING_UNAVAILABLE: {
    status: 502,
    message: 'The billing system did not answer as it should',
    suggestion: 'Try again later; the server log has the details.',
  },
  LINK_INVALID: {
    status: 401,
    message: 'This link is invalid or has expired',
    suggestion: 'Ask the API for a fresh link; links are good for one sandbox and a limited time.',
  },
  PERMISSION_DENIED: {
    status: 403,
    message: 'Insufficient permissions',
    suggestion: 'Use an API key that has the scope named in "requiredScope".',
  },
  PROMPT_API_DISABLED: {
    status: 403,
    message: 'OpenCode prompt API is disabled for this sandbox',
    suggestion: 'Create the sandbox with capabilities.agent.allowPromptApi set to true (the default).',
  },
  FILE_ACCESS_DENIED: {
    status: 403,
    message: 'The sandbox user may not access this path',
    suggestion: 'Use a path under /workspace or /home/user.',
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    message: 'There is no such route',
    suggestion: 'The routes are listed at /docs and in /openapi.json.',
  },
  SANDBOX_NOT_FOUND: {
    status: 404,
    message: 'Sandbox session not found',
    suggestion:
      'List your sandboxes with GET /v1/sandboxes; an id is good only for the organization that made it.',
  },
  BROWSER_SESSION_NOT_FOUND: {
    status: 404,
    message: 'Session not found',
    suggestion:
      'List your browser sessions with GET /v1/browsers; an id is good only for the organization that made it.',
  },
  TASK_NOT_FOUND: {
    status: 404,
    message: 'Agent task not found',
    suggestion: 'List the tasks of the sandbox with GET /v1/sandboxes/agent/tasks?id=….',
  },
  ARTIFACT_NOT_FOUND: {
    status: 404,
    message: 'Artifact not found',
    suggestion: 'List the artifacts of the sandbox with GET /v1/sandboxes/artifacts?id=….',
  },
  FILE_NOT_FOUND: {
    status: 404,
    message: 'File not found',
    suggestion: 'List the folder with GET /v1/sandboxes/fs/list?id=…&path=….',
  },
  WEBHOOK_NOT_FOUND: {
    status: 404,
    message: 'Webhook not found',
    suggestion:
      'List your webhooks with GET /v1/webhooks; an id is good only for the organization that made it.',
  },
  DELIVERY_NOT_FOUND: {
    status: 404,
    message: 'Webhook delivery not found',
    suggestion:
      'List the deliveries with GET /v1/webhooks/deliveries?id=…; finished ones are kept for 30 days.',
  },
  WEBHOOK_URL_REFUSED: {
    status: 400,
    message: 'Webhooks are not sent to this URL',
    suggestion:
      'Give an https URL on the public internet, or have the operator list its host and port in BANATA_WEBHOOK_ALLOW_HOSTS.',
  },
  WEBHOOK_DISABLED: {
    status: 409,
    message: 'The webhook is disabled',
    suggestion: 'Enable it with POST /v1/webhooks/update { id, enabled: true } and try again.',
  },
  WEBHOOK_LIMIT_REACHED: {
    status: 409,
    message: 'The organization has as many webhooks as it may have',
    suggestion: 'Delete a webhook that is not needed; one webhook can get any number of event types.',
  },
  PROCESS_NOT_FOUND: {
    status: 404,
    message: 'Process not found',
    suggestion: 'List the background processes of the sandbox with GET /v1/sandboxes/processes?id=….',
  },
  CONTEXT_NOT_FOUND: {
    status: 404,
    message: 'Code context not found',
    suggestion: 'List the contexts of the sandbox with GET /v1/sandboxes/code/contexts?id=…, or create one.',
  },
  TERMINAL_NOT_FOUND: {
    status: 404,
    message: 'Terminal session not found',
    suggestion: 'List the sessions with GET /v1/sandboxes/terminals?id=…, or open a new one.',
  },
  SANDBOX_ENDED: {
    status: 409,
    message: 'The sandbox ended while the call was under way',
    suggestion: 'Create a new sandbox; what this one held is gone.',
  },
  SANDBOX_NOT_READY: {
    status: 409,
    message: 'Sandbox is not ready',
    suggestion:
      'Poll GET /v1/sandboxes?id=… until status is "ready" or "active"; "ended" and "failed" are final.',
  },
  AGENT_NOT_ENABLED: {
    status: 409,
    message: 'OpenCode is not enabled',
    suggestion: 'Create the sandbox with capabilities: { agent: { enabled: true } }.',
  },
  MODEL_NOT_CONFIGURED: {
    status: 409,
    message: 'No model is configured for the agent of this sandbox',
    suggestion:
      'Create the sandbox with env OPENROUTER_API_KEY and OPENROUTER_MODEL (or OPENAI_API_KEY and OPENAI_MODEL, or ANTHROPIC_API_KEY and ANTHROPIC_MODEL), or set the same variables for the server.',
  },
  DOCUMENTS_NOT_ENABLED: {
    status: 409,
    message: 'Document processing is not enabled',
    suggestion: 'Create the sandbox with capabilities: { documents: { libreofficeHeadless: true } }.',
  },
  CONVERSION_UNSUPPORTED: {
    status: 400,
    message: 'The document cannot become this format',
    suggestion: 'Give one of the formats that the message names; docs/documents.md has the table.',
  },
  DOCUMENT_BROKEN: {
    status: 422,
    message: 'The document is damaged or empty',
    suggestion: 'Write the file again, whole, under the ending of what it is.',
  },
  DOCUMENT_ENCRYPTED: {
    status: 422,
    message: 'The document is encrypted',
    suggestion: 'Give its password in options.password.',
  },
  CONVERSION_FAILED: {
    status: 422,
    message: 'The document could not be converted',
    suggestion: 'Try a part of it (options.pages), or another format; the message says what went wrong.',
  },
  BROWSER_NOT_ENABLED: {
    status: 409,
    message: 'The sandbox has no browser',
    suggestion: 'Create the sandbox with capabilities: { browser: {} }.',
  },
  BROWSER_NOT_READY: {
    status: 409,
    message: 'The browser of the sandbox is not ready',
    suggestion: 'Wait for the event sandbox.browser.ready, or poll GET /v1/sandboxes/browser-preview?id=….',
  },
  NAVIGATION_FAILED: {
    status: 422,
    message: 'The browser could not open the page',
    suggestion: 'Check the URL, and that the sandbox may reach its host.',
  },
  CONFLICT: {
    status: 409,
    message: 'The request conflicts with the current state',
    suggestion: 'Read the object again and decide anew.',
  },
  PORT_NOT_ALLOWED: {
    status: 403,
    message: 'This port belongs to the sandbox itself',
    suggestion: 'Let the program listen on another port and expose that one.',
  },
  PORT_NOT_LISTENING: {
    status: 502,
    message: 'Nothing answers on this port of the sandbox',
    suggestion: 'Start the program that is to listen on it, then load the page again.',
  },
  PREVIEW_NOT_FOUND: {
    status: 404,
    message: 'This preview does not exist, has expired or was revoked',
    suggestion: 'Expose the port again with POST /v1/sandboxes/ports and use the URL it answers.',
  },
  PREVIEW_UNAUTHORIZED: {
    status: 401,
    message: 'This preview is private',
    suggestion:
      'Open the URL that POST /v1/sandboxes/ports answered, or send its token as the header "x-banata-preview-token".',
  },
  DATABASE_UNAVAILABLE: {
    status: 503,
    message: 'The database of this server does not answer',
    suggestion:
      'Nothing was changed. Try again in some seconds; GET /readyz tells when the server is whole again.',
  },
  HOST_DISK_FULL: {
    status: 503,
    message: 'The disk of this server is full',
    suggestion:
      'Nothing that exists is lost. Free space on the server, or end sandboxes that are done; then try again.',
  },
  SANDBOX_DISK_FULL: {
    status: 507,
    message: 'The disk of the sandbox is full',
    suggestion: 'Remove files in the sandbox, or use a server that gives sandboxes more disk.',
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    message: 'The request body is too large',
    suggestion: 'Send file contents as a raw body to /v1/sandboxes/fs/write, which has no such limit.',
  },
  CAPACITY_EXHAUSTED: {
    status: 503,
    message: 'This server has no room for another sandbox',
    suggestion: 'End sandboxes that are done, or try again later.',
  },
  SANDBOX_UNREACHABLE: {
    status: 502,
    message: 'The sandbox did not answer',
    suggestion: 'Read the sandbox: if it is "failed", create a new one; otherwise try again.',
  },
  SANDBOX_TIMEOUT: {
    status: 504,
    message: 'The sandbox did not answer in time',
    suggestion: 'Give the operation a longer timeout, or run it in the background.',
  },
  SANDBOX_EXHAUSTED: {
    status: 429,
    message: 'The sandbox is at one of its limits',
    suggestion: 'Let commands that run in the sandbox end, or end them, then try again.',
  },
  INTERNAL: {
    status: 500,
    message: 'Internal error',
    suggestion: 'Try again; if it goes on, look for the request id in the server log.',
  },
});

export type ErrorCode = keyof typeof errorRegistry;

/** Body of every error reply; further fields depend on the code. */
export const errorBodySchema = z.looseObject({
  error: z.string(),
  code: z.string(),
  suggestion: z.string(),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

/** An error the API answers. `details` become fields of the reply beside `error`, `code` and `suggestion`. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message?: string,
    options: ErrorOptions & { details?: Record<string, unknown> } = {},
  ) {
    super(message ?? errorRegistry[code].message, options);
    this.name = 'ApiError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get status(): number {
    return errorRegistry[this.code].status;
  }

  toBody(): ErrorBody {
    return {
      error: this.message,
      code: this.code,
      suggestion: errorRegistry[this.code].suggestion,
      ...this.details,
    };
  }
}

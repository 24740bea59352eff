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
  DISK_FULL: {
    status: 507,
    message: 'The disk of the sandbox is full',
    suggestion: 'Delete files in the sandbox, then try again.',
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

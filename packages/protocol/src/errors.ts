import { z } from 'zod';
import { accessErrors } from './access-errors.ts';
import { defineErrors } from './define-errors.ts';

/** Every error the API answers, declared once: status, default text and what to do next. */
export const errorRegistry = defineErrors({
  ...accessErrors,
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
  PROMPT_API_DISABLED: {
    status: 403,
    message: 'OpenCode prompt API is disabled for this sandbox',
    suggestion: 'Create the sandbox with capabilities.agent.allowPromptApi set to true (the default).',
  },
  AGENT_ROUTE_REFUSED: {
    status: 403,
    message: 'This route of the agent is not offered',
    suggestion: 'docs/agent.md lists what the OpenCode-compatible API of a sandbox offers.',
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
  ASK_NOT_FOUND: {
    status: 404,
    message: 'The agent does not wait for this answer',
    suggestion: 'List what it waits for with GET /v1/sandboxes/agent/permissions.',
  },
  TASK_FAILED: {
    status: 422,
    message: 'The task failed',
    suggestion: 'Read what the agent did in GET /v1/sandboxes/agent/tasks, mend the cause and prompt again.',
  },
  TASK_NOT_FOUND: {
    status: 404,
    message: 'Agent task not found',
    suggestion: 'List the tasks of the sandbox with GET /v1/sandboxes/agent/tasks?id=….',
  },
  MODEL_KEY_NOT_FOUND: {
    status: 404,
    message: 'The organization has no key of this provider',
    suggestion: 'List its keys with GET /v1/model-keys.',
  },
  SKILL_NOT_FOUND: {
    status: 404,
    message: 'Skill not found',
    suggestion: 'List the skills of the organization with GET /v1/skills.',
  },
  SKILL_EXISTS: {
    status: 409,
    message: 'The organization has a skill of this name',
    suggestion: 'Choose another name, or delete that skill first (DELETE /v1/skills?id=…).',
  },
  SKILL_LIMIT_REACHED: {
    status: 409,
    message: 'The organization has as many skills as it may have',
    suggestion: 'Delete one that is not needed any more (DELETE /v1/skills?id=…).',
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
  IS_DIRECTORY: {
    status: 400,
    message: 'The path is a folder',
    suggestion:
      'Name a file; list a folder with GET /v1/sandboxes/fs/list, or download it with GET /v1/sandboxes/fs/download.',
  },
  NOT_A_FILE: {
    status: 400,
    message: 'The path is no regular file',
    suggestion: 'Name a regular file; FIFOs, sockets and devices are read and written by commands only.',
  },
  NOT_A_DIRECTORY: {
    status: 400,
    message: 'The path, or a part of it, is no folder',
    suggestion: 'Look at the parts of the path with GET /v1/sandboxes/fs/stat?id=…&path=….',
  },
  PATH_INVALID: {
    status: 400,
    message: 'This path cannot be used',
    suggestion:
      'Give a path of at most 4096 bytes whose names have at most 255 bytes each, and that is no loop of links.',
  },
  PATH_PROTECTED: {
    status: 400,
    message: 'This folder itself cannot be moved or removed',
    suggestion: 'Name what is in it.',
  },
  FILE_EXISTS: {
    status: 409,
    message: 'The path is there already',
    suggestion: 'Choose another path, remove what is there, or move with "overwrite": true.',
  },
  DIRECTORY_NOT_EMPTY: {
    status: 409,
    message: 'The folder is not empty',
    suggestion: 'Remove it with "recursive": true.',
  },
  FILE_BUSY: {
    status: 409,
    message: 'The file is in use',
    suggestion: 'End the program that runs or mounts it, then try again.',
  },
  FILE_SYSTEM_READ_ONLY: {
    status: 403,
    message: 'The path is on a file system that cannot be written to',
    suggestion: 'Use a path under /workspace or /home/user.',
  },
  FILE_TOO_LARGE: {
    status: 413,
    message: 'The content is longer than is allowed here',
    suggestion: 'Send less, or ask for a higher maxBytes.',
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    message: 'The file has no such bytes',
    suggestion: 'Ask for a range within the length that the header Content-Range names.',
  },
  ARCHIVE_INVALID: {
    status: 400,
    message: 'The body is no whole tar archive',
    suggestion: 'Send a tar archive, plain or compressed with gzip or zstd, to its end.',
  },
  ARCHIVE_REFUSED: {
    status: 422,
    message: 'The archive holds an entry that is not unpacked',
    suggestion:
      'Make the archive of files, folders and links with relative paths that stay in the folder. What came before the entry has been unpacked.',
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
  SANDBOX_INTERRUPTED: {
    status: 409,
    message: 'The sandbox was paused, or put back to a checkpoint, while the call was under way',
    suggestion:
      'Resume the sandbox (POST /v1/sandboxes/resume) or wait until it is "ready", then call again.',
  },
  CHECKPOINTS_DISABLED: {
    status: 409,
    message: 'Checkpoints are not enabled for this sandbox',
    suggestion:
      'Create the sandbox with capabilities.storage.workspace "checkpointed", or leave the field out; "ephemeral" switches checkpoints off.',
  },
  CHECKPOINT_NOT_FOUND: {
    status: 404,
    message: 'Checkpoint not found',
    suggestion: 'List the checkpoints of the sandbox with GET /v1/sandboxes/checkpoints?id=….',
  },
  CHECKPOINT_NOT_READY: {
    status: 409,
    message: 'The checkpoint cannot be used now',
    suggestion:
      'Read it with GET /v1/sandboxes/checkpoints?id=…&checkpointId=…: "creating" ones are ready soon, "failed" ones never.',
  },
  CHECKPOINT_DAMAGED: {
    status: 500,
    message: 'What the object store holds of this checkpoint is not what was put there',
    suggestion: 'Use another checkpoint, and have the operator look at the object store.',
  },
  RESTORE_FAILED: {
    status: 500,
    message: 'The sandbox could not be put back to the checkpoint',
    suggestion: 'Try again; the sandbox is as it was before. The server log has the details.',
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
  RECORDING_NOT_FOUND: {
    status: 404,
    message: 'There is no such recording in the sandbox',
    suggestion:
      'Start one with POST /v1/sandboxes/browser/recording/start; those that were kept are artifacts of the kind "recording".',
  },
  PROFILE_NOT_FOUND: {
    status: 404,
    message: 'The sandbox keeps no browser profile',
    suggestion: 'Create the sandbox with capabilities: { browser: { persistentProfile: true } }.',
  },
  PROFILE_IN_USE: {
    status: 409,
    message: 'Another sandbox uses this browser profile',
    suggestion: 'End the sandbox named in "sandboxId", or give another profileKey.',
  },
  CONTROL_HELD: {
    status: 409,
    message: 'Someone else controls the browser',
    suggestion:
      'Wait until "leaseUntil", ask the one named in "controller" to give control back, or pass force: true with an API key.',
  },
  CONTROL_HELD_BY_HUMAN: {
    status: 409,
    message: 'A person controls the browser; automation waits',
    suggestion:
      'Wait for the event sandbox.control.changed, or give control back with POST /v1/sandboxes/browser-preview/control { id, mode: "ai" }.',
  },
  HANDOFF_NOT_FOUND: {
    status: 404,
    message: 'No request for a person is open in this sandbox',
    suggestion:
      'See past ones with GET /v1/sandboxes/handoff/history?id=…; ask with POST /v1/sandboxes/handoff/request.',
  },
  HANDOFF_OPEN: {
    status: 409,
    message: 'A person was asked for already',
    suggestion: 'Complete or cancel the request in "handoff" first; one is open at a time.',
  },
  HANDOFF_TAKEN: {
    status: 409,
    message: 'Somebody else has accepted the request',
    suggestion:
      'Leave it to the one in "controller"; when their lease ends ("leaseUntil") the request is open again.',
  },
  HANDOFF_NOT_ACCEPTED: {
    status: 409,
    message: 'Nobody has accepted the request, or the lease is over',
    suggestion: 'Accept it first with POST /v1/sandboxes/handoff/accept { id, controller }.',
  },
  HANDOFF_FIELDS_INVALID: {
    status: 400,
    message: 'The values do not fit the fields of the request',
    suggestion: 'Give "values" an entry of 1 to 4096 characters for the name of each field, and no other.',
  },
  FIELD_NOT_FOUND: {
    status: 409,
    message: 'The page has no field to type the value into',
    suggestion:
      'Show the field in the live browser, or click it there, and send again; or name it with "selector" in the request.',
  },
  HUMAN_IN_LOOP_DISABLED: {
    status: 409,
    message: 'People may not control the browser of this sandbox',
    suggestion: 'Create the sandbox with capabilities: { browser: { humanInLoop: true } }.',
  },
  VIEW_ONLY_LINK: {
    status: 403,
    message: 'This link is for watching only',
    suggestion:
      'Ask whoever gave you the link for one that lets you take control (viewerUrl of the preview).',
  },
  PREVIEW_STREAM_OFF: {
    status: 409,
    message: 'The live view of this browser is switched off',
    suggestion: 'Create the sandbox without capabilities.browser.streamPreview: false to watch its browser.',
  },
  FILE_CHOOSER_NOT_OPEN: {
    status: 409,
    message: 'The page asked for no file',
    suggestion: 'Click the page’s upload button while this call waits, or name the input with "selector".',
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
  STORE_UNAVAILABLE: {
    status: 503,
    message: 'The object store of this server does not answer',
    suggestion:
      'Nothing is lost: what was published waits and is stored when the store is back. Try again after as many seconds as Retry-After says.',
  },
  ARTIFACT_QUOTA_EXCEEDED: {
    status: 507,
    message: 'The artifacts of the organization would hold more than they may',
    suggestion:
      'Delete artifacts that are not needed (DELETE /v1/sandboxes/artifacts), or have the operator raise BANATA_ARTIFACT_QUOTA_GIB.',
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

import type { OpenCodeError } from '../opencode/schemas.ts';

/** Why a task did not complete, as `boxTaskSchema` carries it. */
export interface TaskError {
  code: TaskErrorCode;
  message: string;
}

/** Codes of failed tasks. */
export type TaskErrorCode =
  /** The provider refused the key. */
  | 'MODEL_AUTH'
  /** The provider, or the budget set for the sandbox, has no credit left. */
  | 'MODEL_BUDGET'
  | 'MODEL_RATE_LIMITED'
  /** Any other failure of the model. */
  | 'MODEL_ERROR'
  /** The answer reached the model's output limit. */
  | 'MODEL_OUTPUT_LIMIT'
  /** The conversation no longer fits into the model's context. */
  | 'MODEL_CONTEXT_LIMIT'
  /** The provider's content filter ended the answer. */
  | 'MODEL_CONTENT_FILTER'
  /** The task made more model requests than a task may. */
  | 'MODEL_CALL_LIMIT'
  /** The task used more than the budget it was given. */
  | 'BUDGET_EXCEEDED'
  /** Its budget is in dollars, and nobody knows what its model costs. */
  | 'COST_UNKNOWN'
  /** The agent server ended, or was interrupted, in the middle of the turn. */
  | 'AGENT_CRASHED'
  /** No agent server is running, and none came up in time. */
  | 'AGENT_UNAVAILABLE'
  /** The agent server refused the prompt or ended the turn without an answer. */
  | 'AGENT_ERROR'
  /** There is no session with the id the task named. */
  | 'SESSION_NOT_FOUND'
  /** The session did not come to rest before the prompt. */
  | 'SESSION_BUSY'
  /** Somebody else aborted the turn. */
  | 'TASK_ABORTED'
  /** The final answer does not fit the response schema, also after it was sent back. */
  | 'ANSWER_MISMATCH'
  /** A person controls the browser; automation rests. */
  | 'CONTROL_HELD_BY_HUMAN'
  /** A step of a skill does not fit the page, and the model could not do it either. */
  | 'SKILL_STEP_FAILED'
  /** The response schema is no JSON schema. */
  | 'RESPONSE_SCHEMA_INVALID'
  /** A file that goes with the prompt is not there. */
  | 'FILE_NOT_FOUND'
  | 'TASK_TIMEOUT';

const MAX_MESSAGE = 2000;

function byStatus(status: number | undefined, text: string): TaskError {
  switch (status) {
    case 401:
    case 403:
      return { code: 'MODEL_AUTH', message: `the model provider refused the key (HTTP ${status}): ${text}` };
    case 402:
      // The model gateway's own word for the bounds that the server's operator set.
      for (const code of ['BUDGET_EXCEEDED', 'COST_UNKNOWN'] as const)
        if (text.includes(code)) return { code, message: text };
      return { code: 'MODEL_BUDGET', message: `the model's budget or credit is used up (HTTP 402): ${text}` };
    case 429:
      return {
        code: 'MODEL_RATE_LIMITED',
        message: `the model provider limits the rate (HTTP 429): ${text}`,
      };
    default: {
      const how = status === undefined ? '' : ` (HTTP ${status})`;
      return { code: 'MODEL_ERROR', message: `the model request failed${how}: ${text}` };
    }
  }
}

function translate(error: OpenCodeError): TaskError {
  const text = error.data?.message ?? error.name;
  switch (error.name) {
    case 'APIError':
      return byStatus(error.data?.statusCode, text);
    case 'ProviderAuthError':
      return { code: 'MODEL_AUTH', message: text };
    case 'MessageOutputLengthError':
      return { code: 'MODEL_OUTPUT_LIMIT', message: 'the answer reached the output limit of the model' };
    case 'ContextOverflowError':
      return { code: 'MODEL_CONTEXT_LIMIT', message: `the conversation is too long for the model: ${text}` };
    case 'ContentFilterError':
      return { code: 'MODEL_CONTENT_FILTER', message: text };
    case 'MessageAbortedError':
      return { code: 'TASK_ABORTED', message: 'the turn was aborted in the agent server' };
    default:
      return { code: 'AGENT_ERROR', message: `${error.name}: ${text}` };
  }
}

/** Task error for an error that OpenCode reports of a session or a message. */
export function taskErrorFrom(error: OpenCodeError): TaskError {
  const { code, message } = translate(error);
  return { code, message: message.slice(0, MAX_MESSAGE) };
}

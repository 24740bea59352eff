import { BanataError } from './error.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import type { Transport } from './transport.ts';
import type {
  AgentAsks,
  AgentMessage,
  AgentMessagePage,
  AgentState,
  AgentTask,
  CallOptions,
  CreateCallOptions,
  JsonValue,
  PromptAsyncReply,
  PromptReply,
  RuntimeState,
  TaskStatus,
} from './types.ts';
import { getTask, waitForTask, type WaitForTaskOptions } from './wait-for-task.ts';

/** Options of a prompt. */
export interface PromptOptions extends CallOptions {
  /** Default: the sandbox’s `defaultAgent`. */
  agent?: 'build' | 'plan';
  /** Agent session to go on with; without it a new one starts. */
  sessionId?: string;
  /** Answer also while a person is asked for or at work; the browser stays theirs. Default false: wait. */
  duringHandoff?: boolean;
  /** Add the prompt as context and do not let the model answer. Default false. */
  noReply?: boolean;
  /** Text appended to the system prompt for this turn. */
  system?: string;
  /** Free-form; comes back with the task and its events. */
  metadata?: Record<string, JsonValue>;
  /** A configured model, or one of `capabilities.agent.models`. Default: the main one. */
  model?: string;
  /** Files that go with the prompt, by path in the sandbox. */
  files?: string[];
  /** JSON schema of the final answer, which then comes as `structured`. */
  responseSchema?: Record<string, JsonValue>;
  /** A task whose model uses more is ended as failed, `BUDGET_EXCEEDED`. */
  budget?: { requests?: number; tokens?: number; costUsd?: number };
  /** Longest time for the task, ms. Default 300,000 for `prompt`, 1,800,000 for `promptAsync`. */
  timeoutMs?: number;
}

/** A page of tasks. */
export interface TaskPage {
  data: AgentTask[];
  nextCursor: string | null;
}

const DEFAULT_PROMPT_MS = 5 * 60_000;
/** What the request may take beyond the task's own limit, ms. */
const REPLY_MARGIN_MS = 30_000;

/** The AI agent of a sandbox. */
export class SandboxAgent {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Prompts the agent and waits for its answer; for short tasks. An aborted call does not end the task.
   * @throws BanataError `AGENT_NOT_ENABLED`, `MODEL_NOT_CONFIGURED`, `PROMPT_API_DISABLED`.
   * @example
   * ```ts
   * const { text } = await sandbox.agent.prompt('Which files are in /workspace?');
   * ```
   */
  prompt(text: string, options: PromptOptions = {}): Promise<PromptReply> {
    const { signal, ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/agent/prompt',
      json: { ...body, id: this.#id, prompt: text },
      timeoutMs: (options.timeoutMs ?? DEFAULT_PROMPT_MS) + REPLY_MARGIN_MS,
      signal,
    });
  }

  /**
   * Gives the agent a task and returns at once.
   * @throws BanataError `AGENT_NOT_ENABLED`, `MODEL_NOT_CONFIGURED`, `PROMPT_API_DISABLED`.
   * @example
   * ```ts
   * const { taskId } = await sandbox.agent.promptAsync('Write /workspace/report.md', { metadata: { jobId: 'j1' } });
   * const task = await sandbox.agent.waitForTask(taskId);
   * ```
   */
  promptAsync(
    text: string,
    options: PromptOptions & Pick<CreateCallOptions, 'idempotencyKey'> = {},
  ): Promise<PromptAsyncReply> {
    const { signal, idempotencyKey = newIdempotencyKey(), ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/agent/prompt-async',
      json: { ...body, id: this.#id, prompt: text },
      headers: { 'idempotency-key': idempotencyKey },
      safety: 'idempotent',
      signal,
    });
  }

  /**
   * A task as it is now; null when the sandbox has none under this id.
   * @example
   * ```ts
   * const task = await sandbox.agent.getTask(taskId);
   * if (task?.status === 'completed') console.log(task.resultText);
   * ```
   */
  async getTask(taskId: string, options: CallOptions = {}): Promise<AgentTask | null> {
    try {
      return await getTask(this.#transport, this.#id, taskId, options.signal);
    } catch (error) {
      if (error instanceof BanataError && error.code === 'TASK_NOT_FOUND') return null;
      throw error;
    }
  }

  /**
   * Tasks of the sandbox, newest first.
   * @example
   * ```ts
   * const { data } = await sandbox.agent.listTasks({ status: 'running' });
   * ```
   */
  listTasks(
    options: CallOptions & { status?: TaskStatus; limit?: number; cursor?: string } = {},
  ): Promise<TaskPage> {
    const { signal, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/agent/tasks',
      query: { ...query, id: this.#id },
      signal,
    });
  }

  /**
   * Waits for the end of a task. A task that failed or was cancelled is answered, not thrown: look at `status`.
   * Follows the event stream, picks it up again when it breaks, and polls beside it.
   * @throws BanataError `TASK_NOT_FOUND`; `TIMEOUT`, after which the task goes on.
   * @example
   * ```ts
   * const task = await sandbox.agent.waitForTask(taskId, {
   *   timeoutMs: 600_000,
   *   onEvent: (event) => console.log(event.type),
   * });
   * ```
   */
  waitForTask(taskId: string, options: WaitForTaskOptions = {}): Promise<AgentTask> {
    return waitForTask(this.#transport, this.#id, taskId, options);
  }

  /**
   * Cancels a task that waits or runs.
   * @example
   * ```ts
   * await sandbox.agent.cancelTask(taskId);
   * ```
   */
  cancelTask(taskId: string, options: CallOptions = {}): Promise<AgentTask> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/agent/tasks/cancel',
      json: { id: this.#id, taskId },
      safety: 'idempotent',
      signal: options.signal,
    });
  }

  /**
   * What the agent waits for: permissions to use a tool, and questions. Nothing, unless the sandbox was created with
   * `capabilities.agent.permissions`.
   * @example
   * ```ts
   * for (const { permissionId, title } of (await sandbox.agent.listAsks()).permissions) {
   *   await sandbox.agent.answerPermission(permissionId, 'once');
   * }
   * ```
   */
  listAsks(options: CallOptions = {}): Promise<AgentAsks> {
    return this.#get('/v1/sandboxes/agent/permissions', {}, options);
  }

  /**
   * Lets the agent use a tool, or refuses; `message` is told to the model.
   * @throws BanataError `ASK_NOT_FOUND`.
   */
  async answerPermission(
    permissionId: string,
    answer: 'once' | 'always' | 'reject',
    options: CallOptions & { message?: string } = {},
  ): Promise<void> {
    const { signal, message } = options;
    await this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/agent/permissions/answer',
      json: { id: this.#id, permissionId, answer, ...(message === undefined ? {} : { message }) },
      signal,
    });
  }

  /**
   * Answers a question of the agent.
   * @param answers the labels chosen for each of its questions; null refuses to answer.
   * @throws BanataError `ASK_NOT_FOUND`.
   */
  async answerQuestion(
    questionId: string,
    answers: string[][] | null,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/agent/questions/answer',
      json: { id: this.#id, questionId, answers },
      signal: options.signal,
    });
  }

  /**
   * What the agent is doing.
   * @throws BanataError `AGENT_NOT_ENABLED`.
   * @example
   * ```ts
   * const { state, lastTaskReport } = await sandbox.agent.getState();
   * ```
   */
  getState(options: CallOptions = {}): Promise<AgentState> {
    return this.#get('/v1/sandboxes/agent/state', {}, options);
  }

  /**
   * State of the agent with the newest files in /workspace and the last task report.
   * @example
   * ```ts
   * const { outputs } = await sandbox.agent.getRuntime();
   * ```
   */
  getRuntime(options: CallOptions = {}): Promise<RuntimeState> {
    return this.#get('/v1/sandboxes/runtime', {}, options);
  }

  /**
   * Messages of an agent session, oldest first.
   * @param options.sessionId Default: the newest session.
   * @param options.limit Default 100, at most 500.
   * @example
   * ```ts
   * for (const message of await sandbox.agent.getMessages()) console.log(message.role, message.parts);
   * ```
   */
  async getMessages(
    options: CallOptions & { sessionId?: string; limit?: number } = {},
  ): Promise<AgentMessage[]> {
    const { signal, ...query } = options;
    const reply = await this.#get<{ messages: AgentMessage[] }>('/v1/sandboxes/agent/messages', query, {
      ...(signal && { signal }),
    });
    return reply.messages;
  }

  /**
   * A page of the messages of an agent session, oldest first; the first page has the newest.
   * @param options.sessionId Default: the newest session; with a cursor it must be given.
   * @param options.cursor `nextCursor` of the page before, which leads to older messages.
   * @param options.limit Default 100, at most 500.
   * @example
   * ```ts
   * const page = await sandbox.agent.listMessages({ sessionId, limit: 50 });
   * const older = await sandbox.agent.listMessages({ sessionId, limit: 50, cursor: page.nextCursor! });
   * ```
   */
  listMessages(
    options: CallOptions & { sessionId?: string; limit?: number; cursor?: string } = {},
  ): Promise<AgentMessagePage> {
    const { signal, ...query } = options;
    return this.#get('/v1/sandboxes/agent/messages', query, { ...(signal && { signal }) });
  }

  #get<T>(
    path: string,
    query: Record<string, string | number | undefined>,
    options: CallOptions,
  ): Promise<T> {
    return this.#transport.json({
      method: 'GET',
      path,
      query: { ...query, id: this.#id },
      signal: options.signal,
    });
  }
}

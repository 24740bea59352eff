import {
  ApiError,
  newId,
  normalizeCapabilities,
  type AgentTask,
  type agentStateSchema,
  type promptAsyncSchema,
  type promptReplySchema,
  type promptSchema,
  type runtimeStateSchema,
  type TaskStatus,
} from '@banata/protocol';
import {
  boxAgentStateSchema,
  boxListReplySchema,
  boxMessagesReplySchema,
  type AgentMessage,
  type BoxReplay,
} from '@banata/protocol/box';
import type { ModelVariables } from '@banata/config';
import type { z } from 'zod';
import { BoxRefusal } from '../../boxes/box-client.ts';
import type { Boxes } from '../../boxes/boxes.ts';
import { Waker, type Notifications } from '../../database/notifications.ts';
import type { TaskRow } from '../../database/tables/agent.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import { EVENTS_CHANNEL } from '../../stores/event-store.ts';
import type { TaskStore } from '../../stores/task-store.ts';
import { storableJson, storableText } from '../../stores/text.ts';
import type { Reservation } from '../limits/idempotency.ts';
import type { Caller } from '../access.ts';
import type { ActivityService } from '../activity.ts';
import type { ModelAccess } from '../models/model-access.ts';
import type { ModelKeys } from '../models/model-keys.ts';
import { resolveModelAccess } from '../models/resolve.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';
import { requireWorking } from '../sandboxes/sandbox-service.ts';
import type { Secrets } from '../secrets.ts';
import { toTask } from './task-view.ts';
import type { Tracing } from '../../tracing/tracing.ts';

const STATE_TIMEOUT_MS = 5_000;
const MESSAGES_TIMEOUT_MS = 15_000;
/** A waiting prompt looks at its task at least this often, should a notification be lost. */
const TASK_POLL_MS = 2_000;
const MAX_OUTPUTS = 100;

const NO_USAGE = { inputTokens: 0, outputTokens: 0, costUsd: 0, modelCalls: 0, byModel: {} };

type PromptInput = z.output<typeof promptAsyncSchema>;

interface MessagesOptions {
  sessionId?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

type MessagesPage = z.output<typeof boxMessagesReplySchema>;

/** The run of a skill. Secret: its steps hold the values of secret inputs. */
interface SkillRun {
  skillId: string;
  /** Without one the prompt is all there is. */
  replay?: BoxReplay;
  model: string | undefined;
  reservation: Reservation | undefined;
}

export interface AgentServiceDeps {
  sandboxes: SandboxService;
  tasks: TaskStore;
  boxes: Boxes;
  activity: ActivityService;
  secrets: Secrets;
  notifications: Notifications;
  modelKeys: Pick<ModelKeys, 'variablesOf'>;
  serverModels: ModelVariables;
  tracing: Tracing;
  now: () => number;
}

/** Prompts, tasks and the state of the agent. The box runs the tasks; this keeps their record. */
export class AgentService {
  readonly #deps: AgentServiceDeps;

  constructor(deps: AgentServiceDeps) {
    this.#deps = deps;
  }

  /** Records the task and returns; the server that speaks for the sandbox hands it to the box. */
  promptAsync(caller: Caller, input: PromptInput, reservation?: Reservation): Promise<AgentTask> {
    return this.#queue(caller, input, { reservation });
  }

  /** Queues a task for a skill; the model is the small one unless another is named. */
  runSkill(caller: Caller, input: PromptInput, skill: SkillRun): Promise<AgentTask> {
    return this.#queue(caller, input, skill);
  }

  async #queue(
    caller: Caller,
    input: PromptInput,
    { reservation, skillId, replay, model }: Partial<SkillRun>,
  ): Promise<AgentTask> {
    const found = await this.#withAgent(caller, input.id);
    const made = reservation?.resumed ? await this.#deps.tasks.find(found.id, reservation.id) : undefined;
    if (made) return toTask(made);
    const row = requireWorking(found);
    const models = await this.#requirePrompting(row);
    await this.#requireSession(row, input.sessionId);
    this.#deps.activity.touch(row.id);
    const id = reservation?.id ?? newId();
    const wanted = skillId === undefined ? input.model : (model ?? models.smallModel);
    const task = await this.#deps.tasks.insert(
      {
        ...promptColumns(input),
        id,
        skill_id: skillId ?? null,
        replay_sealed: replay ? this.#deps.secrets.seal(JSON.stringify(replay), id) : null,
        organization_id: row.organization_id,
        sandbox_id: row.id,
        model: chooseModel(row, models, wanted),
        during_handoff: input.duringHandoff ?? false,
        created_at: this.#deps.now(),
        traceparent: this.#deps.tracing.traceparent ?? null,
      },
      (inserted) => ({ type: 'sandbox.agent.task.queued', data: toTask(inserted) }),
    );
    return toTask(task);
  }

  /** Prompts and waits for the end of the task. The task goes on when the caller goes away. */
  async prompt(
    caller: Caller,
    input: z.output<typeof promptSchema>,
    signal: AbortSignal,
  ): Promise<z.input<typeof promptReplySchema>> {
    const queued = await this.promptAsync(caller, input);
    const task = await this.#waitForEnd(queued.sandboxId, queued.taskId, signal);
    return {
      taskId: task.taskId,
      status: task.status,
      sessionId: task.sessionId,
      text: task.resultText,
      parts: await this.#finalParts(caller, task),
      structured: task.structured,
      error: task.error,
    };
  }

  async task(caller: Caller, id: string, taskId: string): Promise<AgentTask> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    return toTask(await this.#findTask(sandbox.id, taskId));
  }

  async listTasks(
    caller: Caller,
    id: string,
    options: { status?: TaskStatus | undefined; limit: number; cursor?: string | undefined },
  ): Promise<{ data: AgentTask[]; nextCursor: string | null }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const { rows, nextCursor } = await this.#deps.tasks.list(sandbox.id, options);
    return { data: rows.map(toTask), nextCursor };
  }

  /** Asks the box to stop the task; answers it as it is then. A finished task is answered as it is. */
  async cancel(caller: Caller, id: string, taskId: string, signal: AbortSignal): Promise<AgentTask> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const task = await this.#findTask(sandbox.id, taskId);
    if (task.finished_at !== null) return toTask(task);
    await this.#deps.tasks.requestCancel(task);
    return this.#waitForEnd(sandbox.id, taskId, AbortSignal.any([signal, AbortSignal.timeout(10_000)]));
  }

  /** Cancels the tasks of one agent session that wait or run. */
  async cancelSession(caller: Caller, id: string, sessionId: string): Promise<void> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const open = await this.#deps.tasks.listOpen(sandbox.id);
    const ofSession = open.filter((task) => task.session_id === sessionId);
    await Promise.all(ofSession.map((task) => this.#deps.tasks.requestCancel(task)));
  }

  async state(caller: Caller, id: string): Promise<z.input<typeof agentStateSchema>> {
    return this.#stateOf(requireWorking(await this.#withAgent(caller, id)));
  }

  /** The agent's state with its outputs; a sandbox without an agent has outputs only. */
  async runtime(caller: Caller, id: string): Promise<z.input<typeof runtimeStateSchema>> {
    const row = await this.#deps.sandboxes.findWorking(caller, id);
    const [state, outputs] = await Promise.all([this.#stateOf(row), this.#outputs(row)]);
    return { ...state, status: row.status, outputs };
  }

  async messages(caller: Caller, id: string, options: MessagesOptions): Promise<MessagesPage> {
    if (options.cursor !== undefined && options.sessionId === undefined)
      throw new ApiError('INVALID_REQUEST', 'cursor: give the sessionId of its messages as well');
    const row = requireWorking(await this.#withAgent(caller, id));
    return this.#messagesOf(row, options, MESSAGES_TIMEOUT_MS);
  }

  /** @throws {ApiError} AGENT_NOT_ENABLED. */
  async requireAgent(caller: Caller, id: string): Promise<SandboxRow> {
    return this.#withAgent(caller, id);
  }

  #messagesOf(row: SandboxRow, options: MessagesOptions, timeoutMs: number): Promise<MessagesPage> {
    return this.#deps.boxes.json(row, boxMessagesReplySchema, {
      method: 'GET',
      path: '/agent/messages',
      query: {
        limit: String(options.limit),
        ...(options.sessionId === undefined ? {} : { sessionId: options.sessionId }),
        ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
      },
      timeoutMs,
    });
  }

  async #stateOf(row: SandboxRow): Promise<z.input<typeof agentStateSchema>> {
    const [box, open, recent] = await Promise.all([
      this.#deps.boxes.json(row, boxAgentStateSchema, {
        method: 'GET',
        path: '/agent/state',
        timeoutMs: STATE_TIMEOUT_MS,
      }),
      this.#deps.tasks.listOpen(row.id),
      this.#deps.tasks.list(row.id, { limit: 1 }),
    ]);
    const lastTask = recent.rows[0] ?? null;
    return {
      state: stateName(box.state, open, lastTask),
      reason: box.reason,
      version: box.version,
      tasks: open.map(toTask),
      lastTask: lastTask && toTask(lastTask),
      lastTaskReport: row.last_task_report,
    };
  }

  async #outputs(row: SandboxRow): Promise<{ path: string; size: number; modifiedAt: number }[]> {
    const { entries } = await this.#deps.boxes.json(row, boxListReplySchema, {
      method: 'GET',
      path: '/files/list',
      query: { path: '/workspace' },
      timeoutMs: STATE_TIMEOUT_MS,
    });
    return entries
      .filter((entry) => entry.type === 'file')
      .sort((a, b) => b.modifiedAt - a.modifiedAt)
      .slice(0, MAX_OUTPUTS)
      .map(({ path, size, modifiedAt }) => ({ path, size, modifiedAt }));
  }

  async #withAgent(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#deps.sandboxes.find(caller, id);
    if (!normalizeCapabilities(row.capabilities).agent.enabled) throw new ApiError('AGENT_NOT_ENABLED');
    return row;
  }

  async #requirePrompting(row: SandboxRow): Promise<ModelAccess> {
    if (!normalizeCapabilities(row.capabilities).agent.allowPromptApi)
      throw new ApiError('PROMPT_API_DISABLED');
    const { secrets, modelKeys, serverModels } = this.#deps;
    const env = JSON.parse(secrets.open(row.env_sealed, row.id)) as Record<string, string>;
    const organization = await modelKeys.variablesOf(row.organization_id);
    const { access, problem } = resolveModelAccess({ env, organization, server: serverModels });
    if (!access) throw new ApiError('MODEL_NOT_CONFIGURED', problem ?? undefined);
    return access;
  }

  /** A session that no task of the sandbox used may have been made by a client of the agent's own API: the box knows. */
  async #requireSession(row: SandboxRow, sessionId: string | undefined): Promise<void> {
    if (sessionId === undefined || (await this.#deps.tasks.hasSession(row.id, sessionId))) return;
    try {
      await this.#messagesOf(row, { sessionId, limit: 1 }, STATE_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof ApiError && error.cause instanceof BoxRefusal)) return;
      if (error.cause.code !== 'SESSION_NOT_FOUND') return;
      throw new ApiError(
        'INVALID_REQUEST',
        'sessionId: this sandbox has no such agent session; leave it out to start a new one',
      );
    }
  }

  /** Parts of the task's last message; none when the agent cannot be asked any more. */
  async #finalParts(caller: Caller, task: AgentTask): Promise<AgentMessage['parts']> {
    if (task.sessionId === null || task.status !== 'completed') return [];
    const row = await this.#deps.sandboxes.find(caller, task.sandboxId);
    const options = { sessionId: task.sessionId, limit: 1 };
    const reply = await this.#messagesOf(row, options, STATE_TIMEOUT_MS).catch(() => undefined);
    const last = reply?.messages.at(-1);
    return last?.role === 'assistant' ? last.parts : [];
  }

  async #findTask(sandboxId: string, taskId: string): Promise<TaskRow> {
    const task = await this.#deps.tasks.find(sandboxId, taskId);
    if (!task) throw new ApiError('TASK_NOT_FOUND');
    return task;
  }

  async #waitForEnd(sandboxId: string, taskId: string, signal: AbortSignal): Promise<AgentTask> {
    const waker = new Waker();
    const unsubscribe = this.#deps.notifications.subscribe(EVENTS_CHANNEL, sandboxId, waker.wake);
    try {
      for (;;) {
        const task = await this.#findTask(sandboxId, taskId);
        if (task.finished_at !== null || signal.aborted) return toTask(task);
        await waker.wait(TASK_POLL_MS, signal);
      }
    } finally {
      unsubscribe();
    }
  }
}

/** Null for the main model. */
function chooseModel(
  row: SandboxRow,
  { model, smallModel }: ModelAccess,
  wanted: string | undefined,
): string | null {
  if (wanted === undefined || wanted === model) return null;
  const allowed = [model, smallModel, ...normalizeCapabilities(row.capabilities).agent.models];
  if (allowed.includes(wanted)) return wanted;
  throw new ApiError(
    'INVALID_REQUEST',
    `model: this sandbox allows ${[...new Set(allowed)].join(', ')}; name others in capabilities.agent.models when you create it`,
  );
}

function promptColumns(input: PromptInput) {
  return {
    status: 'queued' as const,
    prompt: storableText(input.prompt),
    agent: input.agent ?? null,
    session_id: input.sessionId === undefined ? null : storableText(input.sessionId),
    files: storableJson(input.files ?? []),
    response_schema: input.responseSchema ? storableJson(input.responseSchema) : null,
    metadata: storableJson(input.metadata ?? {}),
    system: input.system === undefined ? null : storableText(input.system),
    budget: input.budget ? JSON.stringify(input.budget) : null,
    no_reply: input.noReply,
    cancel_requested: false,
    timeout_ms: input.timeoutMs,
    usage: JSON.stringify(NO_USAGE),
  };
}

function stateName(
  box: 'off' | 'starting' | 'idle' | 'working' | 'failed',
  open: TaskRow[],
  last: TaskRow | null,
): z.input<typeof agentStateSchema>['state'] {
  if (open.some((task) => task.status === 'waiting_for_human')) return 'waiting_for_human';
  if (open.length > 0) return 'working';
  if (box === 'off' || box === 'idle') return last ? 'complete' : 'idle';
  return box;
}

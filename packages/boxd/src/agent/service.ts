import {
  type BoxAgentState,
  boxCancelSchema,
  type BoxConfig,
  boxHoldSchema,
  boxPublishOutcomeSchema,
  boxTaskRequestSchema,
} from '@banata/protocol/box';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { BoxError, type BoxRequest, type BoxRoute, type BoxUpgrade } from '../http/route.ts';
import type { AgentService, BoxEnvironment, BoxLogger, BrowserService, EventSink } from '../services.ts';
import { AgentRuntime, type AgentSettings } from './agent-runtime.ts';
import { asksRoutes } from './asks-routes.ts';
import { agentServerRoutes, agentServerUpgrade } from './opencode/forward-routes.ts';
import { type AgentPrograms, IMAGE_PROGRAMS } from './server/programs.ts';
import { TASK_LIMITS, type TaskLimits } from './tasks/limits.ts';

/** What the agent needs from the rest of the daemon. */
export interface AgentServiceDeps {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
  /** The live browser; asked only when the agent starts, so that it may be made after the agent. */
  browser: () => BrowserService;
  /** Environment that the commands of the account `user` start with. */
  runCommandEnv: () => Record<string, string>;
  /** Default: where the sandbox image has them. */
  programs?: AgentPrograms;
  /** Differences from the usual bounds of a task. */
  limits?: Partial<TaskLimits>;
}

/** The agent with its routes. */
export interface AgentServiceWithRoutes extends AgentService {
  routes: BoxRoute[];
  upgrades: BoxUpgrade[];
}

type AgentConfig = NonNullable<BoxConfig['agent']>;

interface WantedAgent {
  config: AgentConfig;
  env: Record<string, string>;
  hasDocuments: boolean;
}

const messagesQuerySchema = z.object({
  sessionId: z.string().min(1).max(200).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().min(1).max(500).optional(),
});

/** Creates the agent service; nothing runs before `start`. Start the browser first: the agent asks whether there is one. */
export function createAgentService(deps: AgentServiceDeps): AgentServiceWithRoutes {
  const agent = new AgentLife(deps);
  return {
    prepare: () => agent.prepare(),
    start: (config, env, hasDocuments) => agent.start(config, env, hasDocuments),
    ownPorts: () => agent.ownPorts(),
    stop: () => agent.stop(),
    routes: [
      ...agentRoutes(agent),
      ...asksRoutes(() => agent.runtime()),
      ...agentServerRoutes(() => agent.runtime()),
    ],
    upgrades: [agentServerUpgrade(() => agent.runtime())],
  };
}

/** Holds the runtime of the configuration in force. Changes of it happen one after the other. */
class AgentLife {
  readonly #deps: AgentServiceDeps;
  #runtime: AgentRuntime | null = null;
  #reason = 'no agent is configured for this sandbox';
  #configured: { config: AgentConfig; env: Record<string, string> } | null = null;
  #isPrepared = false;
  #changes: Promise<void> = Promise.resolve();

  constructor(deps: AgentServiceDeps) {
    this.#deps = deps;
  }

  prepare(): void {
    this.#change(() => this.#open(null));
  }

  start(config: AgentConfig, env: Record<string, string>, hasDocuments: boolean): void {
    const wanted = { config, env, hasDocuments };
    if (isDeepStrictEqual(wanted, this.#configured)) return;
    this.#configured = wanted;
    this.#change(() => this.#replace(wanted));
  }

  async stop(): Promise<void> {
    this.#configured = null;
    this.#change(() => this.#end('the agent was stopped'));
    await this.#changes;
  }

  /** Throws a {@link BoxError} 409 that says why there is none. */
  async runtime(): Promise<AgentRuntime> {
    await this.#changes;
    if (this.#runtime === null) throw new BoxError(409, 'AGENT_OFF', `the agent is off: ${this.#reason}`);
    return this.#runtime;
  }

  async state(): Promise<BoxAgentState> {
    await this.#changes;
    const off = {
      state: 'off',
      reason: this.#reason,
      version: null,
      tasks: [],
      lastTaskReport: null,
    } as const;
    return this.#runtime?.state() ?? { ...off, tasks: [] };
  }

  ownPorts(): number[] {
    return this.#runtime?.ownPorts() ?? [];
  }

  #change(action: () => Promise<void>): void {
    this.#changes = this.#changes.then(action).catch((error: unknown) => {
      this.#reason = error instanceof Error ? error.message : String(error);
      this.#deps.logger.error('agent.start', { error });
    });
  }

  async #replace({ config, ...rest }: WantedAgent): Promise<void> {
    const { model, ...setup } = config;
    if (model === null) await this.#end('no model is configured for this sandbox');
    else if (this.#isPrepared && this.#runtime) this.#runtime.assign({ model, setup, ...rest });
    else await this.#open({ model, setup, ...rest });
    this.#isPrepared = false;
  }

  /** @param settings null for an agent that waits for its sandbox. */
  async #open(settings: AgentSettings | null): Promise<void> {
    await this.#end('the agent is being started');
    const { programs = IMAGE_PROGRAMS, limits, ...rest } = this.#deps;
    const runtime = new AgentRuntime({
      ...rest,
      programs,
      limits: { ...TASK_LIMITS, ...limits },
      settings,
    });
    try {
      await runtime.open();
    } catch (error) {
      await runtime.close();
      const reason = error instanceof Error ? error.message : String(error);
      if (settings) await this.#deps.events.append({ type: 'agent.failed', data: { reason } });
      throw error;
    }
    this.#runtime = runtime;
    this.#isPrepared = settings === null;
  }

  async #end(reason: string): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = null;
    this.#reason = reason;
    await runtime?.close();
  }
}

function hasBody({ raw }: BoxRequest): boolean {
  return Number(raw.headers['content-length'] ?? 0) > 0 || raw.headers['transfer-encoding'] !== undefined;
}

function unknownTask(taskId: string): BoxError {
  return new BoxError(404, 'TASK_NOT_FOUND', `there is no task ${taskId} in this sandbox`);
}

function agentRoutes(agent: AgentLife): BoxRoute[] {
  const task = (request: BoxRequest): string => request.params['taskId'] ?? '';
  return [
    {
      method: 'PUT',
      path: '/agent/tasks/{taskId}',
      handle: async (request) => {
        const body = await request.json(boxTaskRequestSchema);
        return (await agent.runtime()).submit(task(request), body);
      },
    },
    {
      method: 'GET',
      path: '/agent/tasks/{taskId}',
      handle: async (request) => {
        const found = await (await agent.runtime()).task(task(request));
        if (found === null) throw unknownTask(task(request));
        return found;
      },
    },
    {
      method: 'POST',
      path: '/agent/tasks/{taskId}/cancel',
      handle: async (request) => {
        const { error } = hasBody(request) ? await request.json(boxCancelSchema) : {};
        const found = await (await agent.runtime()).cancel(task(request), error);
        if (found === null) throw unknownTask(task(request));
        return found;
      },
    },
    {
      method: 'PUT',
      path: '/agent/artifacts/{requestId}',
      handle: async (request) => {
        const outcome = await request.json(boxPublishOutcomeSchema);
        const { requestId = '' } = request.params;
        if ((await agent.runtime()).answerPublish(requestId, outcome)) return { ok: true };
        throw new BoxError(404, 'REQUEST_NOT_FOUND', 'nobody waits for this answer');
      },
    },
    {
      method: 'PUT',
      path: '/agent/holds/{requestId}',
      handle: async (request) => {
        const { held } = await request.json(boxHoldSchema);
        const { requestId = '' } = request.params;
        if (!/^[0-9a-z]{32}$/.test(requestId))
          throw new BoxError(400, 'INVALID_QUERY', 'a request has an id of 32 letters and digits');
        return { held: await (await agent.runtime()).hold(requestId, held) };
      },
    },
    { method: 'GET', path: '/agent/state', handle: () => agent.state() },
    {
      method: 'GET',
      path: '/agent/messages',
      handle: async (request) => {
        const query = messagesQuerySchema.safeParse(Object.fromEntries(request.url.searchParams));
        if (!query.success) {
          const message =
            'limit must be 1 to 500, and sessionId the id of a session; leave both out for the defaults';
          throw new BoxError(400, 'INVALID_QUERY', message, { cause: query.error });
        }
        const { sessionId = null, limit, cursor = null } = query.data;
        return (await agent.runtime()).messages(sessionId, { limit, cursor });
      },
    },
  ];
}

import type {
  AgentSetup,
  BoxAgentState,
  BoxEventBody,
  BoxHandoffWish,
  BoxModel,
  BoxPublishOutcome,
  BoxTask,
  BoxTaskRequest,
} from '@banata/protocol/box';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxError } from '../http/route.ts';
import type { BoxEnvironment, BoxLogger, BrowserService, EventSink } from '../services.ts';
import { EventPublisher } from './events/publisher.ts';
import { HandoffDesk } from './handoff/handoff-desk.ts';
import { Holds } from './handoff/holds.ts';
import { readMessages, type MessagesPage, type MessagesQuery } from './opencode/read-messages.ts';
import { PublishDesk } from './publish/publish-desk.ts';
import { ReportKeeper } from './report/report-keeper.ts';
import { ReportSocket } from './report/report-socket.ts';
import { AgentServer, type AgentServerSettings } from './server/agent-server.ts';
import { providerFor } from './server/model-traits.ts';
import type { AgentConnection } from './server/connection.ts';
import { agentPaths } from './server/paths.ts';
import { prepareTools } from './server/prepare-tools.ts';
import type { AgentPrograms } from './server/programs.ts';
import { AgentSupervisor } from './server/supervisor.ts';
import type { TaskError } from './tasks/task-error.ts';
import type { TaskLimits } from './tasks/limits.ts';
import { StepRecorder } from './steps/step-recorder.ts';
import { TaskRunner } from './tasks/task-runner.ts';
import { TaskStore } from './tasks/task-store.ts';

export interface AgentRuntimeOptions {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
  browser: () => BrowserService;
  runCommandEnv: () => Record<string, string>;
  programs: AgentPrograms;
  limits: TaskLimits;
  /** Null: the agent server is started for a sandbox that is not known yet; {@link AgentRuntime.assign} tells. */
  settings: AgentSettings | null;
}

/** What the agent of one sandbox is to be. */
export interface AgentSettings {
  model: BoxModel;
  setup: AgentSetup;
  env: Record<string, string>;
  /** Whether documents are converted in the sandbox. */
  hasDocuments: boolean;
}

/** Never called: it stands in the configuration of a server that no sandbox has yet. */
const NO_MODEL: BoxModel = {
  provider: 'openrouter',
  baseUrl: 'http://127.0.0.1:9',
  apiKey: 'none',
  model: 'none/none',
  smallModel: 'none/none',
  models: [],
};
const NOT_ASSIGNED = {
  model: NO_MODEL,
  setup: { defaultAgent: 'build', permissions: 'allow', mcp: {}, instructions: null },
  env: {},
  hasDocuments: false,
} satisfies AgentSettings;
const ASSIGN_TIMEOUT_MS = 60_000;

const ENDPOINT_WAIT_MS = 5_000;
const ENDPOINT_POLL_MS = 20;

/** The agent of one configuration: its server, its tasks, its reports. */
export class AgentRuntime {
  readonly #options: AgentRuntimeOptions;
  readonly #publisher: EventPublisher;
  readonly #supervisor: AgentSupervisor;
  readonly #runner: TaskRunner;
  readonly #reports: ReportKeeper;
  readonly #desk: PublishDesk;
  readonly #holds: Holds;
  readonly #socket: ReportSocket;
  readonly #stopping = new AbortController();
  readonly #assigned = Promise.withResolvers<void>();
  #settings: AgentSettings | null;
  /** The newest server, with the settings that it has. */
  #server: { server: AgentServer; settings: AgentSettings | null } | null = null;
  #isAssigned = false;
  #repairing = false;

  constructor(options: AgentRuntimeOptions) {
    this.#options = options;
    const { environment, events, logger, limits } = options;
    const paths = agentPaths(environment);
    this.#settings = options.settings;
    if (this.#settings) this.#confirm();
    this.#publisher = new EventPublisher(events, logger);
    this.#supervisor = new AgentSupervisor({
      create: () => this.#createServer(),
      logger,
      onReady: (connection) => this.#onReady(connection),
      onFailed: (reason) => this.#announce({ type: 'agent.failed', data: { reason } }),
    });
    this.#holds = new Holds({ path: paths.holdsFile, logger });
    this.#runner = new TaskRunner({
      store: new TaskStore(paths.tasksDir),
      publisher: this.#publisher,
      logger,
      limits,
      held: () => this.#holds.held,
      agent: {
        workspace: environment.workspace,
        account: environment.accounts.user,
        path: environment.path,
        providerId: () => providerFor(this.#settings?.model ?? NOT_ASSIGNED.model).id,
        whenReady: async (timeoutMs, signal) => {
          await this.#assigned.promise;
          return this.#supervisor.whenReady(timeoutMs, signal);
        },
        prepareTools: (connection, signal) => prepareTools(this.#toolOptions(), connection, signal),
        repairTools: (connection) => this.#repairTools(connection),
        browser: options.browser,
      },
      openRecorder: () =>
        new StepRecorder({ browser: options.browser(), logger, env: this.#settings?.env ?? {} }),
      // While a person is asked for again, the work goes on after them.
      onEnded: (taskId) => options.browser().secrets.taskEnded(taskId, this.#holds.held),
      onRecorded: (task, recording) => this.#reports.complete(task, recording),
    });
    this.#reports = new ReportKeeper({
      file: paths.lastReportFile,
      publisher: this.#publisher,
      logger,
      runningTasks: () => this.#runner.running(),
      recording: (taskId) => this.#runner.recording(taskId),
    });
    const account = environment.accounts.user;
    const submit = this.#reports.submit.bind(this.#reports);
    this.#desk = new PublishDesk({ publisher: this.#publisher });
    const publish = this.#desk.ask.bind(this.#desk);
    const handoffs = new HandoffDesk({
      events,
      holds: this.#holds,
      runningTasks: () => this.#runner.running(),
      commands: this.#runner.commands,
    });
    const handoff = async (wish: BoxHandoffWish): Promise<string | null> =>
      (await handoffs.request(wish)).taskId;
    this.#socket = new ReportSocket({ path: paths.reportSocket, account, logger, submit, publish, handoff });
  }

  async open(): Promise<void> {
    const { environment } = this.#options;
    await mkdir(environment.stateDir, { recursive: true });
    await mkdir(environment.runDir, { recursive: true, mode: 0o711 });
    await this.#reports.open();
    await this.#socket.open();
    this.#supervisor.start();
    await this.#runner.open();
  }

  /**
   * Gives the agent server that was started ahead the settings of its sandbox, or starts another where it cannot take
   * them. Returns at once; events say when it is ready or failed.
   */
  assign(settings: AgentSettings): void {
    this.#settings = settings;
    void this.#assign(settings).finally(() => this.#confirm());
  }

  async #assign(settings: AgentSettings): Promise<void> {
    let connection: AgentConnection | undefined;
    try {
      connection = await this.#supervisor.whenReady(ASSIGN_TIMEOUT_MS, this.#stopping.signal);
      const running = this.#server;
      if (running?.settings === null) {
        await running.server.reconfigure(connection, await this.#serverSettings(settings));
        running.settings = settings;
      }
      this.#confirm();
      this.#announce({ type: 'agent.ready', data: { version: connection.version } });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#confirm();
      const reason = error instanceof Error ? error.message : String(error);
      // The next one starts with the settings.
      connection?.kill(reason);
    }
  }

  #confirm(): void {
    this.#isAssigned = true;
    this.#assigned.resolve();
  }

  #onReady(connection: AgentConnection): void {
    if (this.#isAssigned && this.#server?.settings === null)
      connection.kill('it came up without the settings of its sandbox');
    else this.#announce({ type: 'agent.ready', data: { version: connection.version } });
  }

  /** What happens before there is a sandbox concerns nobody. */
  #announce(event: BoxEventBody): void {
    if (this.#isAssigned) void this.#publisher.publish(event);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#confirm();
    // Side by side: a task may wait for an answer that only the end of the server cuts short.
    await Promise.all([this.#runner.close(), this.#supervisor.stop()]);
    this.#desk.close();
    await this.#socket.close();
  }

  ownPorts(): number[] {
    const connection = this.#supervisor.connection();
    return connection ? [connection.port] : [];
  }

  submit(taskId: string, request: BoxTaskRequest): Promise<BoxTask> {
    return this.#runner.submit(taskId, request);
  }

  task(taskId: string): Promise<BoxTask | null> {
    return this.#runner.get(taskId);
  }

  cancel(taskId: string, error?: TaskError): Promise<BoxTask | null> {
    return this.#runner.cancel(taskId, error);
  }

  /** Whether tasks that wait are held for a request for a person. @returns whether they are held now, for any. */
  async hold(requestId: string, held: boolean): Promise<boolean> {
    await this.#holds.set(requestId, held);
    this.#runner.resume();
    return this.#holds.held;
  }

  /** What became of a request to publish. @returns false when nobody waits for it. */
  answerPublish(requestId: string, outcome: BoxPublishOutcome): boolean {
    return this.#desk.answer(requestId, outcome);
  }

  state(): BoxAgentState {
    const { state, reason, version } = this.#isAssigned
      ? this.#supervisor.state()
      : ({ state: 'starting', reason: null, version: null } as const);
    const active = this.#runner.running().length > 0 ? 'working' : 'idle';
    return {
      state: state === 'ready' ? active : state,
      reason,
      version,
      tasks: this.#runner.unfinished(),
      lastTaskReport: this.#reports.last(),
    };
  }

  isConnected(): boolean {
    return this.#supervisor.connection() !== null;
  }

  /** Throws a {@link BoxError} 503 that says why there is none now. */
  connection(): AgentConnection {
    const connection = this.#supervisor.connection();
    if (connection !== null) return connection;
    const { reason } = this.#supervisor.state();
    const why = reason === null ? '' : ` (${reason})`;
    throw new BoxError(
      503,
      'AGENT_UNAVAILABLE',
      `the agent is not running yet${why}; try again in a few seconds`,
    );
  }

  /** Messages of a session, of the newest one without an id. Throws a {@link BoxError} for one that is not there. */
  async messages(sessionId: string | null, query: MessagesQuery): Promise<MessagesPage> {
    const { client } = this.connection();
    const id = sessionId ?? (await client.listSessions(1))[0]?.id;
    if (id === undefined) return { messages: [], nextCursor: null };
    return readMessages(client, id, query);
  }

  async #createServer(): Promise<AgentServer> {
    const { environment, programs, logger } = this.#options;
    const settings = this.#settings;
    const server = new AgentServer({
      environment,
      paths: agentPaths(environment),
      programs,
      logger,
      settings: await this.#serverSettings(settings ?? NOT_ASSIGNED),
      isPrepared: settings === null,
    });
    this.#server = { server, settings };
    return server;
  }

  async #serverSettings({ env, ...settings }: AgentSettings): Promise<AgentServerSettings> {
    const commandEnv = { ...this.#options.runCommandEnv(), ...env };
    return { ...settings, commandEnv, browserEndpoint: await this.#browserEndpoint() };
  }

  /** Null in a sandbox without a browser. A browser that was just started has its endpoint a moment later. */
  async #browserEndpoint(): Promise<string | null> {
    const browser = this.#options.browser();
    const deadline = performance.now() + ENDPOINT_WAIT_MS;
    for (;;) {
      if ((await browser.state()).state === 'off') return null;
      try {
        return browser.agentEndpoint();
      } catch (error) {
        if (performance.now() < deadline && !this.#stopping.signal.aborted) await sleep(ENDPOINT_POLL_MS);
        else {
          this.#options.logger.warn('agent.browser.missing', { reason: String(error) });
          return null;
        }
      }
    }
  }

  #repairTools(connection: AgentConnection): void {
    if (this.#repairing) return;
    this.#repairing = true;
    void prepareTools(this.#toolOptions(), connection, this.#stopping.signal).finally(() => {
      this.#repairing = false;
    });
  }

  #toolOptions(): { browser: BrowserService; logger: BoxLogger; browserStartMs: number } {
    const { browser, logger, limits } = this.#options;
    return { browser: browser(), logger, browserStartMs: limits.browserStartMs };
  }
}

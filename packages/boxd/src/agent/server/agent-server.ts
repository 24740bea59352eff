import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentSetup, BoxModel } from '@banata/protocol/box';
import { killTree } from '../../exec/kill-tree.ts';
import type { BoxEnvironment, BoxLogger } from '../../services.ts';
import { OpenCodeClient } from '../opencode/client.ts';
import { OpenCodeEventStream } from '../opencode/event-stream.ts';
import { writeConfigFiles } from './config-files.ts';
import type { AgentConnection } from './connection.ts';
import { providerFor } from './model-traits.ts';
import type { OpenCodeConfigInput } from './opencode-config.ts';
import { type OpenCodeProcess, spawnOpenCode } from './opencode-process.ts';
import type { AgentPaths } from './paths.ts';
import type { AgentPrograms } from './programs.ts';
import { runScriptAs } from './run-as.ts';
import { canServe, RUN_ID_VARIABLE, serverEnv, type ServerEnvInput } from './server-env.ts';

const PROBE_ATTEMPT_MS = 1_000;
const PROBE_LIMIT_MS = 30_000;
const DISPOSE_TIMEOUT_MS = 2_000;
const TERM_GRACE_MS = 1_000;
const SECOND_LOOK_MS = 50;

/** What a running server can be given anew. */
export interface AgentServerSettings {
  commandEnv: Record<string, string>;
  model: BoxModel;
  setup: AgentSetup;
  browserEndpoint: string | null;
  hasDocuments: boolean;
}

export interface AgentServerOptions {
  environment: BoxEnvironment;
  paths: AgentPaths;
  programs: AgentPrograms;
  logger: BoxLogger;
  settings: AgentServerSettings;
  /** Whether {@link AgentServer.reconfigure} follows before the first task. */
  isPrepared: boolean;
}

/** One life of the OpenCode server: from its configuration files to the end of its last process. */
export class AgentServer {
  readonly #options: AgentServerOptions;
  readonly #runId = randomBytes(16).toString('hex');
  readonly #password = randomBytes(24).toString('hex');
  readonly #closed = new AbortController();
  #settings: AgentServerSettings;
  /** Environment of the process. */
  #env: Record<string, string> = {};
  #process: OpenCodeProcess | null = null;

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Resolves when sessions can be made; rejects with the reason when the server does not get there. */
  async start(): Promise<AgentConnection> {
    const { environment, paths, programs, logger } = this.#options;
    const user = environment.accounts.user;
    await this.#endEarlierRun();
    await writeFile(paths.runIdFile, this.#runId, { mode: 0o600 });
    await writeConfigFiles({
      config: this.#configInput(),
      env: this.#envInput(),
      workspace: environment.workspace,
      hasDocuments: this.#settings.hasDocuments,
    });
    await makeDataFolders(this.#options);
    this.#env = serverEnv(this.#envInput());
    const server = await spawnOpenCode({
      program: programs.opencode,
      account: user,
      cwd: environment.workspace,
      env: this.#env,
    });
    this.#process = server;
    void server.ended.then((reason) => this.#closed.abort(new Error(reason)));
    const client = new OpenCodeClient({
      baseUrl: server.baseUrl,
      password: this.#password,
      directory: environment.workspace,
    });
    const events = new OpenCodeEventStream(client, logger);
    const version = await this.#probe(client);
    // A new configuration breaks the stream.
    if (!this.#options.isPrepared) void events.follow(this.#closed.signal);
    return {
      client,
      events,
      version,
      port: Number(new URL(server.baseUrl).port),
      closed: this.#closed.signal,
      hasBrowserTools: () => this.#settings.browserEndpoint !== null,
      kill: (reason) => this.#kill(reason),
    };
  }

  /**
   * Gives a prepared server the settings of its sandbox; takes about a tenth of the time of a start. Rejects when the
   * settings need a new start, or the server does not take them.
   */
  async reconfigure({ client, events }: AgentConnection, settings: AgentServerSettings): Promise<void> {
    this.#settings = settings;
    if (!canServe(this.#env, serverEnv(this.#envInput())))
      throw new Error('the environment of the sandbox needs a server that starts with it');
    await writeConfigFiles({
      config: this.#configInput(),
      env: this.#envInput(),
      workspace: this.#options.environment.workspace,
      hasDocuments: settings.hasDocuments,
      running: this.#env,
    });
    await client.disposeInstance();
    await this.#probe(client);
    void events.follow(this.#closed.signal);
  }

  /** Ends the server with everything its tools run; also right after a failed start. */
  async stop(connection: AgentConnection | null): Promise<void> {
    const server = this.#process;
    if (server !== null && connection !== null && !this.#closed.signal.aborted) {
      // Signals leave the commands of tools running; a disposal ends them in order.
      await connection.client.dispose(DISPOSE_TIMEOUT_MS).catch(() => undefined);
    }
    await this.#killAll(TERM_GRACE_MS);
    if (!this.#closed.signal.aborted) this.#closed.abort(new Error('the agent was stopped'));
  }

  #configInput(): OpenCodeConfigInput {
    const { paths, programs } = this.#options;
    const { model, setup, browserEndpoint } = this.#settings;
    return { model, setup, browserEndpoint, paths, programs };
  }

  #envInput(): ServerEnvInput {
    const { environment, paths, programs } = this.#options;
    return {
      commandEnv: this.#settings.commandEnv,
      account: environment.accounts.user,
      path: environment.path,
      binDir: join(environment.installDir, 'bin'),
      paths,
      programs,
      password: this.#password,
      runId: this.#runId,
    };
  }

  /**
   * Health alone says nothing: with a broken configuration the server is healthy and refuses every session. Resolves
   * to the version.
   */
  async #probe(client: OpenCodeClient): Promise<string> {
    const deadline = Date.now() + PROBE_LIMIT_MS;
    for (;;) {
      if (this.#closed.signal.aborted) throw this.#closed.signal.reason;
      try {
        const { version } = await client.health(PROBE_ATTEMPT_MS);
        const session = await client.createSession('Start-up check', deadline - Date.now());
        await this.#warmUp(client, session.id);
        await client.deleteSession(session.id);
        return version;
      } catch (error) {
        if (Date.now() >= deadline || !isTimeout(error)) throw error;
      }
      await sleep(100);
    }
  }

  async #warmUp(client: OpenCodeClient, sessionId: string): Promise<void> {
    const { logger } = this.#options;
    const { model } = this.#settings;
    try {
      await client.warmUp(sessionId, { providerId: providerFor(model).id, modelId: model.model });
    } catch (error) {
      // Costs the first prompt some time and nothing else.
      logger.warn('agent.server.warm-up', { reason: String(error) });
    }
  }

  #kill(reason: string): void {
    this.#options.logger.warn('agent.server.killed', { reason });
    this.#closed.abort(new Error(`the agent server was ended: ${reason}`));
    this.#killAll(0).catch((error: unknown) => this.#options.logger.error('agent.server.stop', { error }));
  }

  async #killAll(graceMs: number): Promise<void> {
    const { environment, logger } = this.#options;
    const running = this.#process !== null && !this.#closed.signal.aborted;
    const marker = { name: RUN_ID_VARIABLE, value: this.#runId };
    const accounts = [environment.accounts.user];
    await killTree({ root: running ? this.#process?.pid : undefined, marker, accounts, graceMs });
    // A process shows no environment while it turns into another program.
    await sleep(SECOND_LOOK_MS);
    const left = await killTree({ marker, accounts, graceMs: 0 });
    if (left.length > 0) logger.warn('agent.server.left', { pids: left });
  }

  /** A daemon that was killed leaves its agent server behind. */
  async #endEarlierRun(): Promise<void> {
    const { environment, paths } = this.#options;
    const earlier = await readFile(paths.runIdFile, 'utf8').catch(() => '');
    if (!/^[0-9a-f]{32}$/.test(earlier)) return;
    const marker = { name: RUN_ID_VARIABLE, value: earlier };
    await killTree({ marker, accounts: [environment.accounts.user], graceMs: 0 });
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}

/** The temporary folder is emptied: every start leaves a 5 MB library in it. */
async function makeDataFolders({ environment, paths, programs }: AgentServerOptions): Promise<void> {
  const folders = [paths.dataHome, paths.stateHome, paths.cacheHome, paths.tempDir, paths.browserOutput];
  const script = 'umask 077; rm -rf -- "$1" && shift && exec mkdir -p -- "$@"';
  const code = await runScriptAs(environment.accounts.user, programs.bash, script, [
    paths.tempDir,
    ...folders,
  ]);
  if (code !== 0)
    throw new Error(`the agent's folders under ${environment.accounts.user.home} could not be made`);
}

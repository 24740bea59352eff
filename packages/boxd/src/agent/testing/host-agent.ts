import type { AgentPermissions, BoxEventBody, BoxTask, BoxTaskRequest } from '@banata/protocol/box';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBrowserService } from '../../browser/service.ts';
import { HttpServer } from '../../http/server.ts';
import { Router } from '../../http/router.ts';
import { createLogger } from '../../logger.ts';
import type { Account, BoxEnvironment, BoxLogger, BrowserService, EventSink } from '../../services.ts';
import { type ScriptedModel, startScriptedModel } from '../../testing/scripted-model.ts';
import { type AgentServiceDeps, createAgentService } from '../service.ts';
import { isFinal } from '../tasks/task-record.ts';

const TOKEN = 'host-agent-token-0123456789-0123456789';
const MODEL_KEY = 'gateway-token';
const WAIT_MS = 50_000;

export interface HostAgentOptions {
  /** Default: allow. */
  permissions?: AgentPermissions;
  limits?: NonNullable<AgentServiceDeps['limits']>;
  /** Of the sandbox. */
  env?: Record<string, string>;
}

/** Where a file of the image lies: in the topmost layer that has it. */
function inImage(path: string): string {
  const layer = imageLayers().find((folder) => existsSync(join(folder, path)));
  if (layer === undefined) throw new Error(`No layer of the image has ${path}`);
  return join(layer, path);
}

/** Layer folders of the image, top first. */
export function imageLayers(): string[] {
  const layers = (process.env['BANATA_TEST_IMAGE_LAYERS'] ?? '').split(':').filter((layer) => layer !== '');
  if (layers.length >= 3) return layers;
  throw new Error(
    'Set BANATA_TEST_IMAGE_LAYERS to the layer folders of a built image, top first, with ":" between.',
  );
}

async function makeEnvironment(folder: string, base: string): Promise<BoxEnvironment> {
  const account = (name: string, uid: number): Account => ({
    name,
    uid,
    gid: uid,
    home: join(folder, 'home'),
  });
  const user = account('nobody', 65534);
  await chmod(folder, 0o755);
  for (const name of ['workspace', 'home']) {
    await mkdir(join(folder, name));
    await chown(join(folder, name), user.uid, user.gid);
  }
  await mkdir(join(folder, 'install/bin'), { recursive: true });
  for (const name of ['banata-complete-task', 'banata-publish-artifact', 'banata-request-handoff'])
    await copyFile(new URL(`../../../box/bin/${name}`, import.meta.url), join(folder, 'install/bin', name));
  return {
    accounts: { root: { ...account('root', 0), home: '/root' }, desktop: account('daemon', 1), user },
    stateDir: join(folder, 'state'),
    runDir: join(folder, 'run'),
    installDir: join(folder, 'install'),
    workspace: join(folder, 'workspace'),
    path: `${base}/usr/local/bin:/usr/bin:/bin`,
  };
}

/**
 * The agent service on the test's own machine, with OpenCode out of the image's layers and a scripted model.
 */
export class HostAgent {
  readonly environment: BoxEnvironment;
  readonly model: ScriptedModel;
  /** What was appended to the journal, over restarts too. */
  readonly events: BoxEventBody[] = [];
  readonly log: string[] = [];
  readonly #folder: string;
  readonly #options: HostAgentOptions;
  readonly #logger: BoxLogger;
  readonly #sink: EventSink;
  readonly #browser: BrowserService;
  #stop: () => Promise<void> = async () => undefined;
  #port = 0;

  constructor(folder: string, environment: BoxEnvironment, model: ScriptedModel, options: HostAgentOptions) {
    this.#folder = folder;
    this.environment = environment;
    this.model = model;
    this.#options = options;
    this.#logger = createLogger({ write: (line) => this.log.push(line) });
    this.#sink = { append: async (body) => void this.events.push(structuredClone(body)) };
    // Not started: a sandbox without a browser.
    this.#browser = createBrowserService({ environment, events: this.#sink, logger: this.#logger });
  }

  async start(): Promise<void> {
    const options = this.#options;
    const service = createAgentService({
      environment: this.environment,
      events: this.#sink,
      logger: this.#logger,
      browser: () => this.#browser,
      runCommandEnv: () => ({ PATH: this.environment.path, LANG: 'C.UTF-8' }),
      programs: {
        opencode: inImage('usr/local/bin/opencode'),
        node: inImage('usr/local/bin/node'),
        playwrightMcp: inImage('opt/mcp/node_modules/@playwright/mcp/cli.js'),
        browserToolsHook: 'none',
        bash: '/bin/bash',
      },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    const server = new HttpServer({
      token: TOKEN,
      router: new Router(service),
      journalCursor: () => 0,
      logger: this.#logger,
    });
    this.#port = await server.listen(0, '127.0.0.1');
    this.#stop = async () => {
      await service.stop();
      await server.close();
    };
    const access = { baseUrl: this.model.baseUrl, apiKey: MODEL_KEY };
    const model = {
      provider: 'openai',
      ...access,
      model: 'acme/main-1',
      smallModel: 'acme/small-1',
    } as const;
    const setup = {
      defaultAgent: 'build' as const,
      permissions: options.permissions ?? 'allow',
      mcp: {},
      instructions: null,
    };
    service.start({ ...setup, model: { ...model, models: [] } }, options.env ?? {}, false);
  }

  /** JSON request to the daemon's HTTP server. */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(WAIT_MS),
    });
    return { status: response.status, body: await response.json() };
  }

  async put(taskId: string, prompt: string, rest: Partial<BoxTaskRequest> = {}): Promise<BoxTask> {
    const defaults = { sessionId: null, agent: null, system: null, timeoutMs: WAIT_MS, noReply: false };
    const reply = await this.call('PUT', `/agent/tasks/${taskId}`, { prompt, ...defaults, ...rest });
    if (reply.status === 200) return reply.body as BoxTask;
    throw new Error(`PUT answered ${reply.status}: ${JSON.stringify(reply.body)}`);
  }

  /** The task in its final state. */
  async done(taskId: string): Promise<BoxTask> {
    const get = async (): Promise<BoxTask> =>
      (await this.call('GET', `/agent/tasks/${taskId}`)).body as BoxTask;
    await this.when(`end of task ${taskId}`, async () => isFinal(await get()));
    return get();
  }

  /** Waits until `fits` holds. */
  async when(what: string, fits: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!(await fits())) {
      if (Date.now() > deadline) throw new Error(`not in time: ${what}\n${this.log.slice(-20).join('')}`);
      await sleep(20);
    }
  }

  /** Stops the service as a daemon that ends does, and starts another on the same folders. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.#stop();
    await this.model.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Starts the agent; it is ready when the first task has run. Needs root and BANATA_TEST_IMAGE_LAYERS. */
export async function startHostAgent(options: HostAgentOptions = {}): Promise<HostAgent> {
  const base = imageLayers().at(-1) ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'banata-agent-'));
  const environment = await makeEnvironment(folder, base);
  const agent = new HostAgent(folder, environment, await startScriptedModel({ apiKey: MODEL_KEY }), options);
  await agent.start();
  return agent;
}

import { ApiKeys } from './api-keys.ts';
import { AuditLog } from './audit-log.ts';
import { DEFAULT_LAUNCH_MS, orEnd, preferReady } from './bring-up.ts';
import { type BanataSandboxOptions, checkId, openTransport } from './client-options.ts';
import { OrganizationEvents } from './events.ts';
import { ModelKeys } from './model-keys.ts';
import { Organizations } from './organizations.ts';
import { BrowserProfiles } from './profiles.ts';
import { Sandbox } from './sandbox.ts';
import type { Transport } from './transport.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { Skills } from './skills.ts';
import type {
  ArtifactListOptions,
  ArtifactPage,
  BillingInfo,
  CallOptions,
  CreateCallOptions,
  CreateOptions,
  Identity,
  OpenHandoffPage,
  PlanList,
  SandboxPage,
  SandboxSession,
  SandboxStatus,
  Usage,
  UsageOptions,
} from './types.ts';
import { Users } from './users.ts';
import { waitUntilUsable } from './wait-until-usable.ts';
import { type CreateWebhookOptions, Webhooks, type WebhookWithSecret } from './webhooks.ts';

/** Options of {@link BanataSandbox.launch}. */
export interface LaunchOptions extends CreateOptions, CallOptions {
  /** Longest wait until the sandbox is usable, ms. Default 120,000. */
  timeout?: number;
}

/** Options of {@link BanataSandbox.list}. */
export interface ListOptions extends CallOptions {
  /** Default: all that have not ended or failed. */
  status?: SandboxStatus;
  /** List ended and failed ones too. Default false. */
  all?: boolean;
  /** Default 50, at most 200. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

/**
 * Client of a Banata server.
 *
 * @example
 * ```ts
 * const banata = new BanataSandbox({ apiKey: process.env.BANATA_API_KEY! });
 * const sandbox = await banata.launch({ capabilities: { browser: {}, agent: { enabled: true } } });
 * console.log(await sandbox.getPreviewViewerUrl());
 * const { taskId } = await sandbox.promptAsync('Open example.com and save a summary to /workspace/report.md');
 * await sandbox.waitForTask(taskId!);
 * console.log(await sandbox.fs.read('/workspace/report.md'));
 * await sandbox.kill();
 * ```
 */
export class BanataSandbox {
  /** Keys of the organization. */
  readonly apiKeys: ApiKeys;
  /** What tasks did in the browser, saved to be done again. */
  readonly skills: Skills;
  /** Model keys for all sandboxes of the organization. */
  readonly modelKeys: ModelKeys;
  /** Events posted to URLs of yours. */
  readonly webhooks: Webhooks;
  /** Browser profiles that outlive sandboxes. */
  readonly profiles: BrowserProfiles;
  /** Events of all sandboxes. */
  readonly events: OrganizationEvents;
  /** People of the organization. */
  readonly users: Users;
  /** Who did what. */
  readonly auditLog: AuditLog;
  /** All organizations, for who runs the installation. */
  readonly organizations: Organizations;
  readonly #transport: Transport;
  readonly #appUrl: string | undefined;

  /** @throws BanataError `INVALID_ARGUMENT`. */
  constructor(options: BanataSandboxOptions) {
    const { transport, appUrl } = openTransport(options);
    this.#transport = transport;
    this.#appUrl = appUrl;
    this.apiKeys = new ApiKeys(this.#transport);
    this.skills = new Skills(this.#transport);
    this.modelKeys = new ModelKeys(this.#transport);
    this.webhooks = new Webhooks(this.#transport);
    this.profiles = new BrowserProfiles(this.#transport);
    this.events = new OrganizationEvents(this.#transport);
    this.users = new Users(this.#transport);
    this.auditLog = new AuditLog(this.#transport);
    this.organizations = new Organizations(this.#transport);
  }

  /**
   * Creates a sandbox and waits until it takes work and the browser and agent it was asked for are up. A sandbox
   * that does not come up, or whose launch is aborted, is ended again.
   * @throws BanataError `SANDBOX_FAILED`, `BROWSER_FAILED`, `AGENT_FAILED`, `TIMEOUT`, `CAPACITY_EXHAUSTED`.
   * @example
   * ```ts
   * const sandbox = await banata.launch({ capabilities: { browser: {} }, timeout: 60_000 });
   * ```
   */
  async launch(options: LaunchOptions = {}): Promise<Sandbox> {
    const { timeout: timeoutMs = DEFAULT_LAUNCH_MS, signal, ...create } = options;
    const startedAt = performance.now();
    const session = await this.#transport.json<SandboxSession>({
      method: 'POST',
      path: '/v1/sandboxes',
      json: create,
      headers: preferReady(timeoutMs),
      signal,
    });
    const elapsedMs = performance.now() - startedAt;
    const usable = waitUntilUsable(this.#transport, session, { timeoutMs, elapsedMs, signal });
    return this.#handle(await orEnd(usable, (call) => this.kill(session.id, call)));
  }

  /**
   * Creates a sandbox and returns at once, with `status` "queued".
   * @throws BanataError `INVALID_REQUEST` naming the field, `NOT_SUPPORTED`.
   * @example
   * ```ts
   * const { id } = await banata.create({ runtime: 'python' });
   * await banata.waitForReady(id, 120_000);
   * ```
   */
  create(options: CreateOptions = {}, call: CreateCallOptions = {}): Promise<SandboxSession> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes',
      json: options,
      // With the key a repeated request makes nothing twice.
      headers: { 'idempotency-key': call.idempotencyKey ?? newIdempotencyKey() },
      safety: 'idempotent',
      signal: call.signal,
    });
  }

  /**
   * Waits until a sandbox takes work and the browser and agent it was created with are up.
   * @param timeoutMs Default 120,000.
   * @throws BanataError `SANDBOX_FAILED`, `SANDBOX_ENDED`, `BROWSER_FAILED`, `AGENT_FAILED`, `TIMEOUT`.
   * @example
   * ```ts
   * const session = await banata.waitForReady(id, 120_000);
   * ```
   */
  async waitForReady(
    id: string,
    timeoutMs = DEFAULT_LAUNCH_MS,
    options: CallOptions = {},
  ): Promise<SandboxSession> {
    const session = await this.get(id, options);
    return waitUntilUsable(this.#transport, session, { timeoutMs, signal: options.signal });
  }

  /**
   * One sandbox as it is now, ended ones included.
   * @throws BanataError `SANDBOX_NOT_FOUND`.
   * @example
   * ```ts
   * const { status } = await banata.get(id);
   * ```
   */
  get(id: string, options: CallOptions = {}): Promise<SandboxSession> {
    checkId(id);
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes',
      query: { id },
      signal: options.signal,
    });
  }

  /**
   * A page of sandboxes, newest first.
   * @example
   * ```ts
   * const { data, nextCursor } = await banata.list({ limit: 20 });
   * ```
   */
  list(options: ListOptions = {}): Promise<SandboxPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/sandboxes', query, signal });
  }

  /**
   * A page of the artifacts of all sandboxes, also of those that have ended, newest first.
   * @example
   * ```ts
   * const { data } = await banata.listArtifacts({ kind: 'task-report', limit: 20 });
   * const sandbox = await banata.connect(data[0].sandboxId);
   * const report = await sandbox.downloadArtifact(data[0].key);
   * ```
   */
  listArtifacts(options: ArtifactListOptions = {}): Promise<ArtifactPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/artifacts', query: { ...query }, signal });
  }

  /**
   * A page of the requests for a person that are open in any sandbox, newest first.
   * @param options.limit Default 50, at most 100.
   * @example
   * ```ts
   * const { data } = await banata.listOpenHandoffs();
   * for (const { sandboxId, message, status } of data) console.log(sandboxId, status, message);
   * ```
   */
  listOpenHandoffs(
    options: CallOptions & { limit?: number; cursor?: string } = {},
  ): Promise<OpenHandoffPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/sandboxes/handoff/open', query, signal });
  }

  /**
   * Ends a sandbox. Ending an ended sandbox is no error.
   * @throws BanataError `SANDBOX_NOT_FOUND`.
   * @example
   * ```ts
   * await banata.kill(id);
   * ```
   */
  kill(id: string, options: CallOptions = {}): Promise<SandboxSession> {
    checkId(id);
    return this.#transport.json({
      method: 'DELETE',
      path: '/v1/sandboxes',
      query: { id },
      signal: options.signal,
    });
  }

  /**
   * Stops a sandbox where it is; see {@link Sandbox.pause}.
   * @throws BanataError `SANDBOX_NOT_FOUND`, `SANDBOX_NOT_READY`.
   * @example
   * ```ts
   * await banata.pause(id);
   * ```
   */
  async pause(id: string, options: CallOptions = {}): Promise<SandboxSession> {
    return (await this.connect(id, options)).pause(options);
  }

  /**
   * Lets a paused sandbox go on; see {@link Sandbox.resume}.
   * @throws BanataError `SANDBOX_NOT_FOUND`, `PLAN_LIMIT_EXCEEDED`.
   * @example
   * ```ts
   * await banata.resume(id);
   * ```
   */
  async resume(id: string, options: CallOptions = {}): Promise<SandboxSession> {
    return (await this.connect(id, options)).resume(options);
  }

  /**
   * Handle of a sandbox that exists, from another process, say. Does not wait for it.
   * @throws BanataError `SANDBOX_NOT_FOUND`.
   * @example
   * ```ts
   * const sandbox = await banata.connect(id);
   * ```
   */
  async connect(id: string, options: CallOptions = {}): Promise<Sandbox> {
    return this.#handle(await this.get(id, options));
  }

  /**
   * Creates a webhook; short for `webhooks.create`.
   * @example
   * ```ts
   * const { signingSecret } = await banata.createWebhook({
   *   url: 'https://example.com/hooks/banata',
   *   eventTypes: ['sandbox.agent.task.completed'],
   *   description: 'Task results',
   * });
   * ```
   */
  createWebhook(options: CreateWebhookOptions, call: CallOptions = {}): Promise<WebhookWithSecret> {
    return this.webhooks.create(options, call);
  }

  /**
   * Whose key this is and what it may do.
   * @example
   * ```ts
   * const { organization, scopes } = await banata.whoAmI();
   * ```
   */
  whoAmI(options: CallOptions = {}): Promise<Identity> {
    return this.#transport.json({ method: 'GET', path: '/v1/auth/me', signal: options.signal });
  }

  /**
   * What the organization used, in all, by day and by sandbox.
   * @throws BanataError `SANDBOX_NOT_FOUND`, `INVALID_REQUEST`.
   * @example
   * ```ts
   * const { total } = await banata.getUsage({ from: '2026-04-01', to: '2026-04-30' });
   * console.log(total.sandboxSeconds / 3600, 'sandbox hours');
   * ```
   */
  getUsage(options: UsageOptions = {}): Promise<Usage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/usage', query, signal });
  }

  /**
   * Plan of the organization and what of its limits is used this month.
   * @example
   * ```ts
   * const { plan, usage } = await banata.getBilling();
   * console.log(plan.name, usage.sandboxHours.used, 'of', usage.sandboxHours.limit ?? 'any number');
   * ```
   */
  getBilling(options: CallOptions = {}): Promise<BillingInfo> {
    return this.#transport.json({ method: 'GET', path: '/v1/billing', signal: options.signal });
  }

  /**
   * Plans of the installation with their limits and features.
   * @example
   * ```ts
   * const { data, current } = await banata.listPlans();
   * ```
   */
  listPlans(options: CallOptions = {}): Promise<PlanList> {
    return this.#transport.json({ method: 'GET', path: '/v1/plans', signal: options.signal });
  }

  /**
   * Begins buying a plan: send the buyer to `url`.
   * @throws BanataError `BILLING_NOT_CONFIGURED` where the server sells none, `BILLING_UNAVAILABLE`.
   * @example
   * ```ts
   * const { url } = await banata.createCheckout({ plan: 'pro' });
   * ```
   */
  createCheckout(checkout: { plan: string }, options: CallOptions = {}): Promise<{ url: string }> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/billing/checkout',
      json: checkout,
      signal: options.signal,
    });
  }

  #handle(session: SandboxSession): Sandbox {
    return new Sandbox(this.#transport, session, this.#appUrl);
  }
}

import {
  ApiError,
  DEFAULT_NETWORK,
  newId,
  normalizeCapabilities,
  type Capabilities,
  type CreateSandbox,
  type Plan,
  type Proxy,
  type Isolation,
  type SandboxSession,
  type SandboxStatus,
} from '@banata/protocol';
import { STANDARD_SIZE, type Config } from '@banata/config';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Tx } from '../../stores/event-store.ts';
import type { ProfileStore } from '../../stores/profile-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { storableJson } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import { takeProfile } from '../browser-keeping/profiles.ts';
import { sealProxy } from '../browsers/browser-row.ts';
import { openProxy } from '../browsers/box-browser.ts';
import { pairedBrowserRow, type NewSandboxRow } from '../browsers/paired-browser-row.ts';
import { requestedProxy, withCredentials, withoutCredentials } from '../browsers/requested-proxy.ts';
import { requireDiskSpace } from '../host-disk.ts';
import type { Links } from '../links.ts';
import type { Secrets } from '../secrets.ts';
import type { Reservation } from '../limits/idempotency.ts';
import type { PlanGate } from '../plans/plan-gate.ts';
import type { PlanService } from '../plans/plan-service.ts';
import type { Provisioner } from './provisioner.ts';
import { requireCapacity } from './require-capacity.ts';
import type { Returner } from './returner.ts';
import { toSession } from './session-view.ts';
import { isFinal, takesWork } from './status.ts';
import type { Terminator } from './terminator.ts';

const CREATED = { type: 'sandbox.created' as const, data: {} };

export interface SandboxServiceDeps {
  store: SandboxStore;
  secrets: Secrets;
  links: Links;
  provisioner: Provisioner;
  returner: Returner;
  terminator: Terminator;
  plans: PlanService;
  planGate: PlanGate;
  profiles: ProfileStore;
  config: Pick<Config, 'home' | 'region' | 'defaults' | 'driver' | 'isolation' | 'sizes'>;
  now: () => number;
}

/** Creating, finding, renewing and ending sandboxes for an organization. */
export class SandboxService {
  readonly #deps: SandboxServiceDeps;

  constructor(deps: SandboxServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Records the sandbox and starts making it; answers at once with status `queued`.
   * @param reservation id for it, where the request may be a repeated one.
   * @param checkpointId what it begins with. Default: nothing.
   * @throws {ApiError} PLAN_FEATURE_UNAVAILABLE, PLAN_LIMIT_EXCEEDED, NOT_SUPPORTED, CAPACITY_EXHAUSTED.
   */
  async create(
    caller: Caller,
    input: CreateSandbox,
    reservation?: Reservation,
    checkpointId?: string,
  ): Promise<SandboxSession> {
    return this.show(caller, await this.#record(caller, input, { reservation, checkpointId }));
  }

  /** @param order.isAwaited the row is shown once it is further, so that it need not be written as queued first. */
  async #record(
    caller: Caller,
    input: CreateSandbox,
    order: { reservation?: Reservation | undefined; checkpointId?: string | undefined; isAwaited?: boolean },
  ): Promise<SandboxRow> {
    const { store, provisioner, secrets } = this.#deps;
    const { reservation, checkpointId = null, isAwaited = false } = order;
    const made = reservation?.resumed ? await store.find(reservation.id, caller.organizationId) : undefined;
    if (made) return made;
    const { plan, maxDurationMs, proxy } = await this.#allow(caller, input);
    const id = reservation?.id ?? newId();
    const asked = {
      ...this.#newRow(caller, input, { id, maxDurationMs, proxy }),
      checkpoint_id: checkpointId,
    };
    const browser = pairedBrowserRow(asked, { proxy, secrets });
    const assigned = isAwaited ? provisioner.assigned(asked.region) : { set: {}, events: [] };
    const row = await store.insert(
      { ...asked, ...assigned.set },
      [CREATED, ...assigned.events],
      this.#admission(caller, input, { plan, id, browser }),
    );
    provisioner.start(id, isAwaited ? row : undefined);
    if (browser) provisioner.start(browser.id);
    return row;
  }

  /** What can refuse the sandbox while it is recorded, or has to be recorded with it; undefined where nothing. */
  #admission(
    { organizationId }: Caller,
    { capabilities = null }: CreateSandbox,
    { plan, id, browser }: { plan: Plan; id: string; browser: ReturnType<typeof pairedBrowserRow> },
  ): ((tx: Tx) => Promise<void>) | undefined {
    const { store, planGate, profiles, now } = this.#deps;
    const { persistentProfile } = normalizeCapabilities(capabilities).browser;
    if (!browser && !persistentProfile && !planGate.limitsSandboxes(plan)) return undefined;
    return async (tx) => {
      await planGate.admit(tx, organizationId, plan);
      const row = { id, paired_with: null, organization_id: organizationId, capabilities };
      await takeProfile(tx, profiles, { row, now: now() });
      if (!browser) return;
      await planGate.admitBrowser(tx, organizationId, plan);
      await store.insertIn(tx, browser, [CREATED]);
    };
  }

  /** What can be decided before the sandbox is recorded. */
  async #allow(
    caller: Caller,
    input: CreateSandbox,
  ): Promise<{ plan: Plan; maxDurationMs: number; proxy: Proxy | undefined }> {
    const { store, config, plans, planGate } = this.#deps;
    const capabilities = normalizeCapabilities(input.capabilities);
    const plan = await plans.of(caller.organizationId);
    planGate.requireFeatures(plan, capabilities);
    const maxDurationMs =
      input.maxDurationMs ?? plan.limits.maxSandboxDurationMs ?? config.defaults.maxDurationMs;
    planGate.requireDuration(plan, maxDurationMs, { field: 'maxDurationMs', value: maxDurationMs });
    requireDetectable(capabilities);
    requireBrowserToKeep(capabilities);
    const proxy = requestedProxy(capabilities.browser.byoProxyUrl);
    const boxes = capabilities.browser.mode === 'paired-banata-browser' ? 2 : 1;
    await Promise.all([
      requireDiskSpace(config.home),
      requireCapacity(store, config.driver.maxSandboxes, boxes),
    ]);
    return { plan, maxDurationMs, proxy };
  }

  #newRow(
    caller: Caller,
    input: CreateSandbox,
    { id, maxDurationMs, proxy }: { id: string; maxDurationMs: number; proxy: Proxy | undefined },
  ): NewSandboxRow {
    const { secrets, config } = this.#deps;
    const { browser, agent } = normalizeCapabilities(input.capabilities);
    const now = this.#deps.now();
    return {
      id,
      organization_id: caller.organizationId,
      status: 'queued',
      runtime: input.runtime ?? 'bun',
      ...this.#sizeOf(input),
      isolation: this.#isolationOf(input),
      region: config.region,
      ephemeral: input.ephemeral ?? true,
      capabilities: input.capabilities ? storableJson(withoutCredentials(input.capabilities, proxy)) : null,
      metadata: storableJson(input.metadata ?? {}),
      network: storableJson(input.network ?? DEFAULT_NETWORK),
      env_sealed: secrets.seal(JSON.stringify(input.env ?? {}), id),
      proxy_sealed: sealProxy(proxy, id, secrets),
      followed: browser.mode !== 'none' || agent.enabled,
      created_at: now,
      expires_at: now + maxDurationMs,
      idle_timeout_ms:
        input.idleTimeoutMs === undefined ? config.defaults.idleTimeoutMs : input.idleTimeoutMs,
      last_activity_at: now,
      active_until: 0,
      ...this.#deps.provisioner.lease,
      event_seq: 0,
      box_cursor: 0,
    };
  }

  /**
   * Creates a sandbox and waits for it to be ready, at most `waitMs`; answers it as it is then. A caller that goes
   * away meanwhile never learns the id, so its sandbox is ended, unless an idempotency key lets it ask again.
   */
  async createAndWait(
    caller: Caller,
    input: CreateSandbox,
    {
      reservation,
      checkpointId,
      waitMs,
      signal,
    }: {
      reservation?: Reservation | undefined;
      checkpointId?: string;
      waitMs: number;
      signal: AbortSignal;
    },
  ): Promise<SandboxSession> {
    const { id } = await this.#record(caller, input, { reservation, checkpointId, isAwaited: true });
    const ready = await this.#deps.provisioner.settledWithin(id, { waitMs, signal });
    if (signal.aborted && !reservation) return this.end(caller, id);
    return ready ? this.show(caller, ready) : this.get(caller, id);
  }

  /** What a sandbox was asked for with, for another one like it. */
  inputOf(row: SandboxRow): CreateSandbox {
    const { secrets, config } = this.#deps;
    const { default: usual, override } = config.isolation;
    return {
      runtime: row.runtime,
      size: row.size,
      ephemeral: row.ephemeral,
      capabilities: row.capabilities && withCredentials(row.capabilities, openProxy(row, secrets)),
      network: row.network,
      idleTimeoutMs: row.idle_timeout_ms,
      env: JSON.parse(secrets.open(row.env_sealed, row.id)) as Record<string, string>,
      ...((override || row.isolation === usual) && { isolation: row.isolation }),
    };
  }

  #isolationOf({ isolation: asked }: CreateSandbox): Isolation {
    const { default: usual, override } = this.#deps.config.isolation;
    if (asked === undefined || asked === usual || override) return asked ?? usual;
    throw new ApiError(
      'NOT_SUPPORTED',
      `This server makes sandboxes with isolation "${usual}" only. Its operator can allow others with BANATA_ISOLATION_OVERRIDE.`,
    );
  }

  #sizeOf({ size = STANDARD_SIZE }: CreateSandbox): { size: string; limits: string } {
    const { sizes } = this.#deps.config;
    const limits = Object.hasOwn(sizes, size) ? sizes[size] : undefined;
    if (limits) return { size, limits: JSON.stringify(limits) };
    const names = Object.keys(sizes).join(', ');
    throw new ApiError('INVALID_REQUEST', `Invalid size: '${size}'. Must be one of: ${names}`, {
      details: { field: 'size' },
    });
  }

  async get(caller: Caller, id: string): Promise<SandboxSession> {
    return this.show(caller, await this.find(caller, id));
  }

  /** A sandbox as the API shows it, with the links of the browser that belongs to it. */
  async show(caller: Pick<Caller, 'scopes'>, row: SandboxRow): Promise<SandboxSession> {
    const { links, store } = this.#deps;
    const paired = isPaired(row) && takesWork(row.status) ? await store.findPaired(row.id) : undefined;
    return toSession({ row, browser: isPaired(row) ? paired : row }, links, caller);
  }

  async list(
    caller: Caller,
    options: { status?: SandboxStatus | undefined; all: boolean; limit: number; cursor?: string | undefined },
  ): Promise<{ data: SandboxSession[]; nextCursor: string | null }> {
    const { rows, nextCursor } = await this.#deps.store.list(caller.organizationId, options);
    return { data: await Promise.all(rows.map((row) => this.show(caller, row))), nextCursor };
  }

  /** Resolves once the box is gone; an ended sandbox is answered as it is. */
  async end(caller: Caller, id: string): Promise<SandboxSession> {
    const row = await this.find(caller, id);
    if (!isFinal(row.status)) {
      await this.#deps.provisioner.cancel(id);
      await this.#deps.returner.cancel(id);
      await this.#deps.terminator.end(id, 'Ended by request.');
    }
    return this.get(caller, id);
  }

  async renew(
    caller: Caller,
    id: string,
    change: { timeoutMs?: number | undefined; idleTimeoutMs?: number | null | undefined },
  ): Promise<SandboxSession> {
    const row = await this.find(caller, id);
    const now = this.#deps.now();
    const expiresAt = change.timeoutMs === undefined ? row.expires_at : now + change.timeoutMs;
    if (change.timeoutMs !== undefined) {
      const plan = await this.#deps.plans.of(row.organization_id);
      const field = { field: 'timeoutMs', value: change.timeoutMs };
      this.#deps.planGate.requireDuration(plan, expiresAt - row.created_at - row.paused_ms, field);
    }
    const updated = await this.#deps.store.update(
      id,
      {
        expires_at: expiresAt,
        last_activity_at: now,
        ...(change.idleTimeoutMs === undefined ? {} : { idle_timeout_ms: change.idleTimeoutMs }),
      },
      [{ type: 'sandbox.timeout.renewed', data: { expiresAt } }],
      now,
    );
    if (!updated)
      throw new ApiError('CONFLICT', `The sandbox is ${row.status}; its deadline cannot be renewed.`);
    const paired = await this.#deps.store.findPaired(id);
    if (paired) await this.#deps.store.update(paired.id, { expires_at: expiresAt }, [], now);
    return this.show(caller, updated);
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, also for a sandbox of another organization. */
  async find(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#deps.store.find(id, caller.organizationId);
    if (row?.kind !== 'sandbox') throw new ApiError('SANDBOX_NOT_FOUND');
    return row;
  }

  /**
   * The box that runs the browser of a sandbox, or of a browser session.
   * @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY, BROWSER_NOT_READY.
   */
  async findBrowser(caller: Caller, id: string): Promise<SandboxRow> {
    const { store } = this.#deps;
    const row = await store.find(id, caller.organizationId);
    if (!row) throw new ApiError('SANDBOX_NOT_FOUND');
    requireWorking(row);
    if (!isPaired(row)) return row;
    const paired = await store.findPaired(id);
    if (!paired || !takesWork(paired.status)) throw new ApiError('BROWSER_NOT_READY');
    return paired;
  }

  /** For callers whom a signed link lets in. @throws {ApiError} LINK_INVALID once the sandbox has ended. */
  async findLinked(id: string): Promise<SandboxRow> {
    const row = await this.#deps.store.find(id);
    if (!row || isFinal(row.status)) throw new ApiError('LINK_INVALID');
    return requireWorking(row);
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY. */
  async findWorking(caller: Caller, id: string): Promise<SandboxRow> {
    return requireWorking(await this.find(caller, id));
  }
}

function isPaired(row: SandboxRow): boolean {
  return normalizeCapabilities(row.capabilities).browser.mode === 'paired-banata-browser';
}

/** @throws {ApiError} SANDBOX_NOT_READY with the present status. */
export function requireWorking(row: SandboxRow): SandboxRow {
  if (!takesWork(row.status))
    throw new ApiError('SANDBOX_NOT_READY', textOf(row.status), { details: { status: row.status } });
  return row;
}

function textOf(status: SandboxStatus): string | undefined {
  if (status !== 'paused' && status !== 'pausing') return undefined;
  return 'The sandbox is paused. Resume it with POST /v1/sandboxes/resume.';
}

function requireDetectable({ browser, handoff }: Capabilities): void {
  if (handoff.detectors.length > 0 && (browser.mode !== 'local-chromium' || !browser.humanInLoop))
    throw new ApiError(
      'INVALID_REQUEST',
      'capabilities.handoff.detectors needs capabilities.browser of mode "local-chromium" with humanInLoop: true.',
    );
}

/** What is kept of a browser needs one. */
function requireBrowserToKeep({ browser }: Capabilities): void {
  const kept = browser.recording ? 'recording' : browser.persistentProfile ? 'persistentProfile' : undefined;
  if (browser.mode === 'none' && kept !== undefined)
    throw new ApiError(
      'INVALID_REQUEST',
      `capabilities.browser.${kept} needs a browser: use mode "local-chromium" or "paired-banata-browser".`,
    );
}

import {
  ApiError,
  newId,
  normalizeCapabilities,
  type BrowserSession,
  type Capabilities,
  type CreateBrowser,
  type EgressProfile,
  type Plan,
  type PlanFeature,
} from '@banata/protocol';
import type { BrowserSettings, SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Caller } from '../access.ts';
import { requireDiskSpace } from '../host-disk.ts';
import type { Reservation } from '../limits/idempotency.ts';
import { takeProfile } from '../browser-keeping/profiles.ts';
import type { SandboxServiceDeps } from '../sandboxes/sandbox-service.ts';
import { requireCapacity } from '../sandboxes/require-capacity.ts';
import { isFinal } from '../sandboxes/status.ts';
import { newBrowserRow } from './browser-row.ts';
import { toBrowserSession } from './browser-view.ts';
import type { SessionArtifacts } from './session-artifacts.ts';

export interface BrowserSessionServiceDeps extends SandboxServiceDeps {
  sessionArtifacts: SessionArtifacts;
}

/** Browser sessions: boxes with nothing but a browser, for a client that drives it over CDP. */
export class BrowserSessionService {
  readonly #deps: BrowserSessionServiceDeps;

  constructor(deps: BrowserSessionServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Records the session and starts making it; answers at once with status `queued`.
   * @param reservation id for it, where the request may be a repeated one.
   * @throws {ApiError} INVALID_REQUEST, NOT_SUPPORTED, PLAN_FEATURE_UNAVAILABLE, PLAN_LIMIT_EXCEEDED,
   * PROFILE_IN_USE, CAPACITY_EXHAUSTED.
   */
  async create(caller: Caller, input: CreateBrowser, reservation?: Reservation): Promise<BrowserSession> {
    const { store, secrets, provisioner, planGate, profiles, config } = this.#deps;
    const made = reservation?.resumed ? await store.find(reservation.id, caller.organizationId) : undefined;
    if (made) return this.#show(caller, made);
    const settings = settingsOf(input);
    const { plan, maxDurationMs } = await this.#allow(caller, input, settings);
    const id = reservation?.id ?? newId();
    const now = this.#deps.now();
    const asked = newBrowserRow(
      {
        id,
        organizationId: caller.organizationId,
        settings,
        browser: browserOf(input),
        proxy: input.proxy,
        isolation: config.isolation.default,
        pairedWith: null,
        region: config.region,
        createdAt: now,
        expiresAt: now + maxDurationMs,
        lease: provisioner.lease,
      },
      secrets,
    );
    const row = await store.insertBrowser(asked, async (tx) => {
      await planGate.admitBrowser(tx, caller.organizationId, plan);
      await takeProfile(tx, profiles, { row: profileUser(id, caller, input), now });
    });
    provisioner.start(id);
    return this.#show(caller, row);
  }

  /** Creates a session and waits for it to be ready, at most `waitMs`. As for sandboxes, a caller that left ends it. */
  async createAndWait(
    caller: Caller,
    input: CreateBrowser,
    options: { reservation?: Reservation | undefined; waitMs: number; signal: AbortSignal },
  ): Promise<BrowserSession> {
    const { id } = await this.create(caller, input, options.reservation);
    await this.#deps.provisioner.settledWithin(id, options);
    return options.signal.aborted && !options.reservation ? this.end(caller, id) : this.get(caller, id);
  }

  /** @throws {ApiError} BROWSER_SESSION_NOT_FOUND. */
  async get(caller: Caller, id: string): Promise<BrowserSession> {
    return this.#show(caller, await this.#find(caller, id));
  }

  async list(
    caller: Caller,
    options: { all: boolean; limit: number; cursor?: string | undefined },
  ): Promise<{ data: BrowserSession[]; nextCursor: string | null }> {
    const { store, links, sessionArtifacts } = this.#deps;
    const { rows, nextCursor } = await store.list(caller.organizationId, { kind: 'browser', ...options });
    const artifactsOf = await sessionArtifacts.of(rows, caller);
    const shown = rows.map((row) => toBrowserSession({ row, artifacts: artifactsOf(row) }, links, caller));
    return { data: shown, nextCursor };
  }

  /** Resolves once the box is gone. @throws {ApiError} BROWSER_SESSION_NOT_FOUND, CONFLICT. */
  async end(caller: Caller, id: string): Promise<BrowserSession> {
    const row = await this.#find(caller, id);
    if (!isFinal(row.status)) {
      if (row.paired_with !== null) {
        throw new ApiError(
          'CONFLICT',
          `This browser belongs to sandbox ${row.paired_with} and ends with it; end the sandbox.`,
        );
      }
      await this.#deps.provisioner.cancel(id);
      await this.#deps.terminator.end(id, 'Ended by request.');
    }
    return this.get(caller, id);
  }

  async #allow(
    caller: Caller,
    input: CreateBrowser,
    settings: BrowserSettings,
  ): Promise<{ plan: Plan; maxDurationMs: number }> {
    const { store, config, plans, planGate } = this.#deps;
    requireMatch(input, settings.egressProfile);
    const plan = await plans.of(caller.organizationId);
    planGate.requireEach(plan, featuresOf(input, settings));
    const maxDurationMs =
      input.maxDurationMs ?? plan.limits.maxBrowserDurationMs ?? config.defaults.maxDurationMs;
    planGate.requireBrowserDuration(plan, maxDurationMs, { field: 'maxDurationMs', value: maxDurationMs });
    refuseUnsupported(input, settings.egressProfile);
    await requireDiskSpace(config.home);
    await requireCapacity(store, config.driver.maxSandboxes);
    return { plan, maxDurationMs };
  }

  async #show(caller: Caller, row: SandboxRow): Promise<BrowserSession> {
    const { links, sessionArtifacts } = this.#deps;
    const artifacts = (await sessionArtifacts.of([row], caller))(row);
    return toBrowserSession({ row, artifacts }, links, caller);
  }

  async #find(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#deps.store.find(id, caller.organizationId);
    if (row?.kind !== 'browser') throw new ApiError('BROWSER_SESSION_NOT_FOUND');
    return row;
  }
}

function settingsOf(input: CreateBrowser): BrowserSettings {
  return {
    weight: input.weight ?? 'light',
    isolation: input.isolation ?? 'shared',
    egressProfile: input.egressProfile ?? (input.proxy ? 'byo-proxy' : 'shared-dc'),
    ...(input.har === true && { har: true }),
    ...(input.screenshots === true && { screenshots: true }),
  };
}

function browserOf({ viewport, humanInLoop, recording, profileKey }: CreateBrowser): Capabilities['browser'] {
  const kept = profileKey === undefined ? {} : { persistentProfile: true, profileKey };
  return normalizeCapabilities({ browser: { viewport, humanInLoop, recording, ...kept } }).browser;
}

/** A session that is about to be made, as the profile it asks for sees it. */
function profileUser(
  id: string,
  { organizationId }: Caller,
  { profileKey }: CreateBrowser,
): Parameters<typeof takeProfile>[2]['row'] {
  const browser = profileKey === undefined ? null : { persistentProfile: true, profileKey };
  return { id, organization_id: organizationId, paired_with: null, capabilities: { browser } };
}

function requireMatch({ proxy }: CreateBrowser, egressProfile: EgressProfile): void {
  if ((egressProfile === 'byo-proxy') === (proxy !== undefined)) return;
  throw new ApiError(
    'INVALID_REQUEST',
    proxy
      ? `Proxy/egress configuration mismatch: 'proxy' goes with egressProfile "byo-proxy", not with "${egressProfile}"`
      : `Proxy/egress configuration mismatch: egressProfile "byo-proxy" needs 'proxy' { protocol, host, port }`,
    { details: { field: 'egressProfile' } },
  );
}

/** Features of plans that a session asks for. */
function featuresOf(
  input: CreateBrowser,
  { weight, isolation, egressProfile }: BrowserSettings,
): PlanFeature[] {
  const asked: [boolean, PlanFeature][] = [
    [input.captcha ?? false, 'captcha'],
    [input.stealth ?? false, 'stealth'],
    [(input.recording ?? false) !== false, 'recording'],
    [weight === 'heavy', 'heavy-weight'],
    [isolation === 'dedicated', 'dedicated-isolation'],
    [egressProfile === 'dedicated-dc', 'dedicated-dc-egress'],
    [egressProfile === 'rotating-residential', 'rotating-residential-egress'],
    [egressProfile === 'static-residential', 'static-residential-egress'],
    [egressProfile === 'byo-proxy', 'byo-proxy'],
  ];
  return asked.filter(([wanted]) => wanted).map(([, feature]) => feature);
}

/** What a session cannot have here. */
function refuseUnsupported(input: CreateBrowser, egressProfile: EgressProfile): void {
  const unsupported: [boolean, string][] = [
    [input.stealth ?? false, 'stealth'],
    [input.captcha ?? false, 'captcha'],
    [
      egressProfile !== 'shared-dc' && egressProfile !== 'byo-proxy',
      `egressProfile "${egressProfile}": use "shared-dc", or "byo-proxy" with a proxy of your own`,
    ],
  ];
  const found = unsupported.find(([asked]) => asked);
  if (found) throw new ApiError('NOT_SUPPORTED', `This server does not offer ${found[1]}.`);
}

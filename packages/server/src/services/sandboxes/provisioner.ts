import { ApiError, newId, normalizeCapabilities, randomText } from '@banata/protocol';
import { boxHealthSchema, type BoxConfig } from '@banata/protocol/box';
import {
  DriverError,
  type Box,
  type BoxServices,
  type RestoredContents,
  type SandboxDriver,
  type ServiceAddress,
} from '@banata/drivers';
import type { Config } from '@banata/config';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { Metrics } from '../../metrics.ts';
import type { NewEvent } from '../../stores/event-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { Background } from '../background.ts';
import { boxBrowser, browserReady } from '../browsers/box-browser.ts';
import { limitsOf } from '../browsers/weights.ts';
import { boxModel } from '../models/box-model.ts';
import type { ModelKeys } from '../models/model-keys.ts';
import { resolveModelAccess } from '../models/resolve.ts';
import type { Egress } from '../network/egress.ts';
import { EgressPolicy } from '../network/egress-policy.ts';
import { hashToken, type Secrets } from '../secrets.ts';
import type { OpenSpan, Tracing } from '../../tracing/tracing.ts';
import { Stopwatch } from '../stopwatch.ts';
import { failureReason } from './failure-reason.ts';

const START_TIMEOUT_MS = 60_000;
/** The files of a checkpoint may have to come from the object store first. */
const RESTORE_TIMEOUT_MS = 15 * 60_000;
/** A provisioning server renews nothing: it is done, or has failed, well within this time. */
const PROVISION_LEASE_MS = 90_000;
const CONFIGURE_TIMEOUT_MS = 10_000;
const MODEL_TOKEN_LENGTH = 40;

/** What a new box begins with. */
export interface BoxContents {
  /** Goes with the driver's request. */
  request?: { from: string };
  /** Brings files into the box before it is configured. */
  fill?: (row: SandboxRow, signal: AbortSignal) => Promise<void>;
}

/** A box that takes work. */
export interface MadeBox {
  modelToken: string;
  /** What it got of the checkpoint it was made from, where it was. */
  contents: RestoredContents;
}

export interface ProvisionerDeps {
  store: SandboxStore;
  driver: SandboxDriver;
  boxes: Boxes;
  egress: Egress;
  secrets: Secrets;
  config: Pick<Config, 'limits' | 'models'>;
  modelKeys: Pick<ModelKeys, 'variablesOf'>;
  serviceAddress: ServiceAddress;
  serverId: string;
  /** What the box of a sandbox begins with; undefined for an empty one. */
  contentsOf: (row: SandboxRow, signal: AbortSignal) => Promise<BoxContents | undefined>;
  /** Puts into a new box what its browser kept from earlier ones. */
  loadProfile: (row: SandboxRow, signal: AbortSignal) => Promise<void>;
  /** Takes up the link to the box of a followed sandbox that became ready. */
  attach: (sandboxId: string) => Promise<void>;
  background: Background;
  /** Told how long it took, or that it failed. */
  metrics: Pick<Metrics, 'sandboxStartSeconds' | 'sandboxFailures'>;
  tracing: Tracing;
  logger: Logger;
  now: () => number;
}

/** Turns queued sandboxes into ready ones. */
export class Provisioner {
  readonly #deps: ProvisionerDeps;
  readonly #inProgress = new Map<string, { stop: AbortController; done: Promise<SandboxRow | undefined> }>();

  constructor(deps: ProvisionerDeps) {
    this.#deps = deps;
  }

  /** Columns of a new row that say: this server provisions it. */
  get lease(): { lease_owner: string; lease_until: number } {
    return { lease_owner: this.#deps.serverId, lease_until: this.#deps.now() + PROVISION_LEASE_MS };
  }

  /** What says of a sandbox that a server is at its box: columns, and events that tell of it. */
  assigned(region: string): {
    set: { status: 'assigning'; box_id: string };
    events: [NewEvent];
  } {
    return {
      set: { status: 'assigning', box_id: newId() },
      events: [{ type: 'sandbox.assigned', data: { region } }],
    };
  }

  /**
   * Provisions in the background, unless that is under way; the outcome is in the row and its events.
   * @param row where the row was written as assigned to this server a moment ago.
   */
  start(id: string, row?: SandboxRow): void {
    if (this.#inProgress.has(id)) return;
    const stop = new AbortController();
    const { promise: done, resolve } = Promise.withResolvers<SandboxRow | undefined>();
    this.#inProgress.set(id, { stop, done });
    this.#deps.background.run('provision', async (signal) => {
      let ready: SandboxRow | undefined;
      try {
        ready = await this.#deps.tracing.run(
          { name: 'sandbox.provision', attributes: { 'banata.sandbox.id': id } },
          (span) => this.#provision(row ?? id, AbortSignal.any([signal, stop.signal]), span),
        );
      } finally {
        this.#inProgress.delete(id);
        resolve(ready);
      }
    });
  }

  /** Resolves when this server does not work on the sandbox any more; at once when it does not. */
  async settled(id: string): Promise<void> {
    await this.#inProgress.get(id)?.done;
  }

  /**
   * The same, at most as long as the caller waits and is there.
   * @returns the row of a sandbox that became ready meanwhile.
   */
  async settledWithin(
    id: string,
    { waitMs, signal }: { waitMs: number; signal: AbortSignal },
  ): Promise<SandboxRow | undefined> {
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), waitMs);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    try {
      return await Promise.race([this.#inProgress.get(id)?.done, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Breaks off the provisioning of a sandbox that is to end; resolves when nothing of it goes on. */
  async cancel(id: string): Promise<void> {
    const running = this.#inProgress.get(id);
    running?.stop.abort();
    await running?.done;
  }

  /**
   * Makes the box of a sandbox that is queued, or whose making was interrupted. Runs at most once at a time per
   * sandbox over all servers; a box left by an earlier try is destroyed first.
   */
  async #provision(
    found: SandboxRow | string,
    signal: AbortSignal,
    span: OpenSpan,
  ): Promise<SandboxRow | undefined> {
    const { now, logger } = this.#deps;
    const startedAt = now();
    const stopwatch = new Stopwatch();
    const row = typeof found === 'string' ? await this.#assign(found) : found;
    if (!row) return undefined;
    const { id } = row;
    stopwatch.lap('assign');
    span.set({ 'banata.organization.id': row.organization_id, 'banata.isolation': row.isolation });
    try {
      const ready = await this.#makeReady(
        row,
        AbortSignal.any([signal, AbortSignal.timeout(startTimeout(row))]),
        stopwatch,
      );
      logger.info(
        {
          event: 'sandbox.provisioned',
          sandboxId: id,
          durationMs: now() - startedAt,
          timings: stopwatch.laps,
        },
        'sandbox provisioned',
      );
      return ready;
    } catch (error) {
      // A server that stops leaves the row as it is, and the next one starts over; whoever cancels ends the sandbox.
      if (signal.aborted) return undefined;
      span.fail(error instanceof DriverError ? error.code : 'provision_failed');
      logger.error(
        { event: 'sandbox.provision_failed', sandboxId: id, err: error },
        'sandbox could not be started',
      );
      await this.#fail(row, error);
      return undefined;
    } finally {
      for (const { name, ...times } of stopwatch.steps)
        this.#deps.tracing.record({ name: `sandbox.provision.${name}`, ...times });
    }
  }

  async #assign(id: string): Promise<SandboxRow | undefined> {
    const { store, driver, serverId, now } = this.#deps;
    const row = await store.find(id);
    // Whoever had it started may have read the row before it became ready: its box is in use by now.
    if (row?.status !== 'queued' && row?.status !== 'assigning') return undefined;
    const mine = row.lease_owner === serverId && row.lease_until > now();
    if (!mine && !(await store.claim(id, serverId, this.lease.lease_until, now()))) return undefined;
    if (row.status === 'assigning') {
      if (row.box_id !== null) await driver.destroy(row.box_id);
      return store.update(id, { box_id: newId() }, [], now());
    }
    const { set, events } = this.assigned(row.region);
    return store.transition(id, { to: set.status, set, events }, now());
  }

  /** Makes the box of a sandbox and configures it. The row is not changed; the caller destroys the box when this fails. */
  async makeBox(row: SandboxRow, signal: AbortSignal, stopwatch: Stopwatch): Promise<MadeBox> {
    const { driver, boxes, config, logger } = this.#deps;
    const boxId = row.box_id;
    if (boxId === null) throw new Error('an assigned sandbox has a box id');
    const contents = await this.#deps.contentsOf(row, signal);
    const request = {
      id: boxId,
      limits: limitsOf(row, row.limits ?? config.limits),
      isolation: row.isolation,
      network: new EgressPolicy(row.network).toBoxNetwork(),
      services: servicesOf(row),
      ...contents?.request,
    };
    const modelToken = `bm_${randomText(MODEL_TOKEN_LENGTH, 'abcdefghijklmnopqrstuvwxyz0123456789')}`;
    // Asks the database while the box is made; a failure is met where it is used.
    const boxConfig = this.#boxConfig(row, modelToken);
    boxConfig.catch(() => undefined);
    for (;;) {
      const box = await driver.create(request, signal);
      stopwatch.lapWith(box.timings);
      try {
        await this.#configure(row, { box, boxConfig, contents, signal });
        stopwatch.lap('configure');
        return { modelToken, contents: box.restored ?? 'all' };
      } catch (error) {
        // Whether the daemon of a warm box still answers shows here first. It is gone then, and another box begins anew.
        if (signal.aborted || !('warm' in box.timings) || !isSilence(error)) throw error;
        logger.warn({ event: 'box.warm_unusable', boxId, err: error }, 'a warm box did not answer');
        boxes.forget(boxId);
        await driver.destroy(boxId);
      }
    }
  }

  async #configure(
    row: SandboxRow,
    {
      box,
      boxConfig,
      contents,
      signal,
    }: {
      box: Box;
      boxConfig: Promise<BoxConfig>;
      contents: BoxContents | undefined;
      signal: AbortSignal;
    },
  ): Promise<void> {
    const { boxes, egress } = this.#deps;
    egress.boxes.replace(box.address, row.id, row.network);
    boxes.remember(box.id, box.endpoint);
    await contents?.fill?.(row, signal);
    // What comes from a checkpoint has the profile of that time.
    if (!contents) await this.#deps.loadProfile(row, signal);
    await boxes.json(row, boxHealthSchema, {
      method: 'PUT',
      path: '/config',
      json: await boxConfig,
      timeoutMs: CONFIGURE_TIMEOUT_MS,
      signal,
    });
  }

  async #makeReady(
    row: SandboxRow,
    signal: AbortSignal,
    stopwatch: Stopwatch,
  ): Promise<SandboxRow | undefined> {
    const { store, driver, boxes, now } = this.#deps;
    const { modelToken, contents } = await this.makeBox(row, signal, stopwatch);
    if (row.kind === 'browser') await browserReady(boxes, row, signal);
    const readyAt = now();
    const ready = await store.transition(
      row.id,
      {
        to: 'ready',
        set: {
          ready_at: readyAt,
          last_activity_at: readyAt,
          model_token_hash: hashToken(modelToken),
          checkpoint_id: null,
          lease_owner: null,
          lease_until: 0,
        },
        events: [
          { type: 'sandbox.ready', data: { startupMs: readyAt - row.created_at } },
          ...restoredEvents(row, contents),
        ],
      },
      readyAt,
    );
    if (ready) this.#deps.metrics.sandboxStartSeconds.observe((readyAt - row.created_at) / 1000);
    // Ended while it was being made: whoever ended it may have come before there was a box.
    if (!ready && row.box_id !== null) await driver.destroy(row.box_id);
    else if (ready?.followed) await this.#deps.attach(ready.id);
    if (ready?.paired_with) await store.pair(ready.paired_with, ready.id, readyAt);
    stopwatch.lap('record');
    return ready;
  }

  async #boxConfig(row: SandboxRow, modelToken: string): Promise<BoxConfig> {
    const { secrets, config, modelKeys, serviceAddress } = this.#deps;
    const env = JSON.parse(secrets.open(row.env_sealed, row.id)) as Record<string, string>;
    const capabilities = normalizeCapabilities(row.capabilities);
    const organization = await modelKeys.variablesOf(row.organization_id);
    const models = resolveModelAccess({ env, organization, server: config.models.variables });
    const origin = `http://host.banata.internal:${serviceAddress.port}`;
    return {
      sandboxId: row.id,
      runtime: row.runtime,
      limits: limitsOf(row, row.limits ?? config.limits),
      env: models.boxEnv(origin, modelToken),
      ...boxBrowser(row, capabilities, { origin, token: modelToken, secrets }),
      agent: capabilities.agent.enabled
        ? {
            defaultAgent: capabilities.agent.defaultAgent,
            permissions: capabilities.agent.permissions,
            mcp: capabilities.agent.mcp,
            instructions: capabilities.agent.instructions,
            model: models.access
              ? boxModel(models.access, { origin, token: modelToken }, capabilities.agent.models)
              : null,
          }
        : null,
      documents: capabilities.documents.libreofficeHeadless,
    };
  }

  async #fail(row: SandboxRow, error: unknown): Promise<void> {
    const { store, driver, boxes, now } = this.#deps;
    if (row.box_id !== null) {
      boxes.forget(row.box_id);
      await driver.destroy(row.box_id);
    }
    const reason = failureReason(error, 'Starting the sandbox', startTimeout(row));
    this.#deps.metrics.sandboxFailures.inc();
    await store.transition(
      row.id,
      {
        to: 'failed',
        set: { ended_at: now(), end_reason: reason },
        events: [{ type: 'sandbox.failed', data: { reason } }],
      },
      now(),
    );
    if (row.paired_with !== null) await store.unpair(row.paired_with, reason, now());
  }
}

/** What is told beside `sandbox.ready` of a sandbox that was made from a checkpoint. */
export function restoredEvents(
  { checkpoint_id: checkpointId }: SandboxRow,
  contents: RestoredContents,
): NewEvent[] {
  if (checkpointId === null) return [];
  return [{ type: 'sandbox.checkpoint.restored', data: { checkpointId, contents } }];
}

/** The daemon of the box does not answer. */
function isSilence(error: unknown): boolean {
  return error instanceof ApiError && ['SANDBOX_UNREACHABLE', 'SANDBOX_TIMEOUT'].includes(error.code);
}

function startTimeout({ checkpoint_id: from }: SandboxRow): number {
  return from === null ? START_TIMEOUT_MS : RESTORE_TIMEOUT_MS;
}

/** Which kind of warm box serves a sandbox best. */
function servicesOf(row: SandboxRow): BoxServices {
  const { browser, agent } = normalizeCapabilities(row.capabilities);
  // A kept profile, a proxy and a number of pages must be there before the browser starts.
  const isUsual = !browser.persistentProfile && row.proxy_sealed === null && row.browser_session === null;
  if (browser.mode !== 'local-chromium' || !isUsual) return 'none';
  return agent.enabled ? 'agent' : 'browser';
}

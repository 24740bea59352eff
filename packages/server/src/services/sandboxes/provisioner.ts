import { newId, normalizeCapabilities, randomText } from '@banata/protocol';
import { boxHealthSchema, type BoxConfig } from '@banata/protocol/box';
import { DriverError, type SandboxDriver, type ServiceAddress } from '@banata/drivers';
import type { Config } from '@banata/config';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/schema.ts';
import type { Logger } from '../../logger.ts';
import type { Metrics } from '../../metrics.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { Background } from '../background.ts';
import { boxBrowser, browserReady } from '../browsers/box-browser.ts';
import { limitsOf } from '../browsers/weights.ts';
import { boxModel } from '../models/box-model.ts';
import { resolveModelAccess } from '../models/resolve.ts';
import type { Egress } from '../network/egress.ts';
import { EgressPolicy } from '../network/egress-policy.ts';
import { hashToken, type Secrets } from '../secrets.ts';
import { Stopwatch } from '../stopwatch.ts';

const START_TIMEOUT_MS = 60_000;
/** A provisioning server renews nothing: it is done, or has failed, well within this time. */
const PROVISION_LEASE_MS = 90_000;
const MODEL_TOKEN_LENGTH = 40;

export interface ProvisionerDeps {
  store: SandboxStore;
  driver: SandboxDriver;
  boxes: Boxes;
  egress: Egress;
  secrets: Secrets;
  config: Pick<Config, 'limits' | 'models'>;
  serviceAddress: ServiceAddress;
  serverId: string;
  /** Takes up the link to the box of a followed sandbox that became ready. */
  attach: (sandboxId: string) => Promise<void>;
  background: Background;
  /** Told how long it took, or that it failed. */
  metrics: Pick<Metrics, 'sandboxStartSeconds' | 'sandboxFailures'>;
  logger: Logger;
  now: () => number;
}

/** Turns queued sandboxes into ready ones. */
export class Provisioner {
  readonly #deps: ProvisionerDeps;
  readonly #inProgress = new Map<string, { stop: AbortController; done: Promise<void> }>();

  constructor(deps: ProvisionerDeps) {
    this.#deps = deps;
  }

  /** Columns of a new row that say: this server provisions it. */
  get lease(): { lease_owner: string; lease_until: number } {
    return { lease_owner: this.#deps.serverId, lease_until: this.#deps.now() + PROVISION_LEASE_MS };
  }

  /** Provisions in the background, unless that is under way; the outcome is in the row and its events. */
  start(id: string): void {
    if (this.#inProgress.has(id)) return;
    const stop = new AbortController();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#inProgress.set(id, { stop, done });
    this.#deps.background.run('provision', async (signal) => {
      try {
        await this.#provision(id, AbortSignal.any([signal, stop.signal]));
      } finally {
        this.#inProgress.delete(id);
        resolve();
      }
    });
  }

  /** Resolves when this server does not work on the sandbox any more; at once when it does not. */
  async settled(id: string): Promise<void> {
    await this.#inProgress.get(id)?.done;
  }

  /** The same, at most as long as the caller waits and is there. */
  async settledWithin(
    id: string,
    { waitMs, signal }: { waitMs: number; signal: AbortSignal },
  ): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    signal.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([this.settled(id), over]);
    clearTimeout(timer);
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
  async #provision(id: string, signal: AbortSignal): Promise<void> {
    const { now, logger } = this.#deps;
    const startedAt = now();
    const stopwatch = new Stopwatch();
    const row = await this.#assign(id);
    if (!row) return;
    stopwatch.lap('assign');
    try {
      await this.#makeReady(row, AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]), stopwatch);
      logger.info(
        {
          event: 'sandbox.provisioned',
          sandboxId: id,
          durationMs: now() - startedAt,
          timings: stopwatch.laps,
        },
        'sandbox provisioned',
      );
    } catch (error) {
      // A server that stops leaves the row as it is, and the next one starts over; whoever cancels ends the sandbox.
      if (signal.aborted) return;
      logger.error(
        { event: 'sandbox.provision_failed', sandboxId: id, err: error },
        'sandbox could not be started',
      );
      await this.#fail(row, error);
    }
  }

  async #assign(id: string): Promise<SandboxRow | undefined> {
    const { store, driver, serverId, now } = this.#deps;
    const row = await store.find(id);
    const mine = row?.lease_owner === serverId && row.lease_until > now();
    if (!mine && !(await store.claim(id, serverId, this.lease.lease_until, now()))) return undefined;
    if (row?.status === 'assigning') {
      if (row.box_id !== null) await driver.destroy(row.box_id);
      return store.update(id, { box_id: newId() }, [], now());
    }
    return store.transition(
      id,
      {
        to: 'assigning',
        set: { box_id: newId() },
        events: [{ type: 'sandbox.assigned', data: { region: row?.region ?? '' } }],
      },
      now(),
    );
  }

  async #makeReady(row: SandboxRow, signal: AbortSignal, stopwatch: Stopwatch): Promise<void> {
    const { store, driver, boxes, egress, config, now } = this.#deps;
    const boxId = row.box_id;
    if (boxId === null) throw new Error('an assigned sandbox has a box id');
    const network = new EgressPolicy(row.network).toBoxNetwork();
    const box = await driver.create(
      { id: boxId, limits: limitsOf(row, config.limits), isolation: row.isolation, network },
      signal,
    );
    stopwatch.lapWith(box.timings);
    egress.boxes.set(box.address, row.id, row.network);
    boxes.remember(boxId, box.endpoint);
    const modelToken = `bm_${randomText(MODEL_TOKEN_LENGTH, 'abcdefghijklmnopqrstuvwxyz0123456789')}`;
    await boxes.json(row, boxHealthSchema, {
      method: 'PUT',
      path: '/config',
      json: this.#boxConfig(row, modelToken),
      timeoutMs: 10_000,
      signal,
    });
    stopwatch.lap('configure');
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
          lease_owner: null,
          lease_until: 0,
        },
        events: [{ type: 'sandbox.ready', data: { startupMs: readyAt - row.created_at } }],
      },
      readyAt,
    );
    if (ready) this.#deps.metrics.sandboxStartSeconds.observe((readyAt - row.created_at) / 1000);
    // Ended while it was being made: whoever ended it may have come before there was a box.
    if (!ready) await driver.destroy(boxId);
    else if (ready.followed) await this.#deps.attach(ready.id);
    if (ready?.paired_with) await store.pair(ready.paired_with, ready.id, readyAt);
    stopwatch.lap('record');
  }

  #boxConfig(row: SandboxRow, modelToken: string): BoxConfig {
    const { secrets, config, serviceAddress } = this.#deps;
    const env = JSON.parse(secrets.open(row.env_sealed, row.id)) as Record<string, string>;
    const capabilities = normalizeCapabilities(row.capabilities);
    const models = resolveModelAccess({ env, server: config.models.variables });
    const origin = `http://host.banata.internal:${serviceAddress.port}`;
    return {
      sandboxId: row.id,
      runtime: row.runtime,
      limits: limitsOf(row, config.limits),
      env: models.boxEnv(origin, modelToken),
      ...boxBrowser(row, capabilities.browser, { origin, token: modelToken, secrets }),
      agent: capabilities.agent.enabled
        ? {
            defaultAgent: capabilities.agent.defaultAgent,
            model: models.access ? boxModel(models.access, { origin, token: modelToken }) : null,
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
    const reason = failureReason(error);
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

function failureReason(error: unknown): string {
  if (error instanceof DriverError) return error.message;
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return `The sandbox did not start within ${START_TIMEOUT_MS / 1000} s. The host may be overloaded; try again, or run fewer sandboxes.`;
  }
  return 'The sandbox could not be started. Try again; the server log has the details.';
}

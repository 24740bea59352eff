import { ApiError, type Connection, type Network, type SandboxSession } from '@banata/protocol';
import { DriverError, type SandboxDriver } from '@banata/drivers';
import type { Logger } from '../../logger.ts';
import type { NetworkLogStore } from '../../stores/network-log-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { storableJson } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';
import type { Egress } from './egress.ts';
import { EgressPolicy } from './egress-policy.ts';

export interface NetworkServiceDeps {
  sandboxes: SandboxService;
  store: SandboxStore;
  log: NetworkLogStore;
  driver: SandboxDriver;
  egress: Egress;
  logger: Logger;
  now: () => number;
}

/** What sandboxes may reach: changing it, and the log of what they did reach. */
export class NetworkService {
  readonly #deps: NetworkServiceDeps;
  /** The last change of each sandbox that is under way: changes are put in force one after the other. */
  readonly #applying = new Map<string, Promise<void>>();
  /** Sandboxes whose rules could not be put in force yet. */
  readonly #pending = new Set<string>();

  constructor(deps: NetworkServiceDeps) {
    this.#deps = deps;
  }

  /** Resolves when the change holds. The row comes first: a server that dies half-way applies it at its next start. */
  async set(caller: Caller, id: string, network: Network): Promise<SandboxSession> {
    const { sandboxes, store, now } = this.#deps;
    await sandboxes.findWorking(caller, id);
    const row = await store.update(
      id,
      { network: storableJson(network) },
      [{ type: 'sandbox.network.changed', data: { network } }],
      now(),
    );
    if (!row) throw new ApiError('SANDBOX_NOT_READY');
    await this.#apply(id);
    const paired = await store.findPaired(id);
    if (paired && (await store.update(paired.id, { network: storableJson(network) }, [], now())))
      await this.#apply(paired.id);
    return sandboxes.show(caller, row);
  }

  async list(
    caller: Caller,
    id: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ data: Connection[]; nextCursor: string | null }> {
    const { sandboxes, log } = this.#deps;
    await sandboxes.find(caller, id);
    const { rows, nextCursor } = await log.list(id, page);
    return { data: rows, nextCursor };
  }

  /** Puts the rules of a sandbox in force, as they are then; what fails is tried again with the next {@link NetworkService.tick}. */
  #apply(id: string): Promise<void> {
    const before = this.#applying.get(id) ?? Promise.resolve();
    const mine = before
      .catch(() => undefined)
      .then(async () => {
        this.#pending.add(id);
        await this.#applyNow(id);
        this.#pending.delete(id);
      })
      .finally(() => {
        if (this.#applying.get(id) === mine) this.#applying.delete(id);
      });
    this.#applying.set(id, mine);
    return mine;
  }

  /** In the kernel first, then in the name service and the proxy. */
  async #applyNow(id: string): Promise<void> {
    const { driver, egress, store } = this.#deps;
    const row = await store.find(id);
    if (!row || row.box_id === null) return;
    const box = await driver.get(row.box_id);
    if (!box) return;
    try {
      await driver.setNetwork(row.box_id, new EgressPolicy(row.network).toBoxNetwork());
    } catch (cause) {
      // A box that ended in between needs no rules any more.
      if (!(await driver.get(row.box_id))) return;
      throw cause instanceof DriverError
        ? new ApiError('INTERNAL', 'The network rules could not be put in force. Try again.', { cause })
        : cause;
    }
    egress.boxes.set(box.address, row.id, row.network);
  }

  /** Puts the rules of all running sandboxes in force that this server does not know of, and forgets the others. */
  async sync(): Promise<void> {
    const { store, egress, logger } = this.#deps;
    const { boxes } = egress;
    const rows = await store.listLive();
    boxes.keepOnly(new Set(rows.map(({ id }) => id)));
    for (const row of rows) {
      const isKnown = boxes.has(row.id) && !this.#pending.has(row.id);
      if (row.ready_at === null || isKnown) continue;
      await this.#apply(row.id).catch((error: unknown) =>
        logger.error(
          { event: 'network.failed', sandboxId: row.id, err: error },
          'network rules are not in force',
        ),
      );
    }
  }

  /** What goes on by itself: the log, and the boxes that came and went. */
  async tick(): Promise<void> {
    const { egress } = this.#deps;
    await this.sync();
    try {
      await egress.flows.read();
    } finally {
      await egress.connections.flush();
    }
  }
}

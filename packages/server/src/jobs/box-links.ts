import type { SandboxRow } from '../database/tables/sandboxes.ts';
import { takesWork } from '../services/sandboxes/status.ts';
import { BoxLink, type BoxLinkDeps } from './box-link.ts';

/** How long the right to speak for a sandbox lasts without renewal. Renewed at every {@link BoxLinks.sync}. */
const LEASE_MS = 15_000;

/** Keeps one {@link BoxLink} for every sandbox this server speaks for. */
export class BoxLinks {
  readonly #deps: BoxLinkDeps & { serverId: string; now: () => number };
  readonly #links = new Map<string, { stop: AbortController; done: Promise<void> }>();

  constructor(deps: BoxLinkDeps & { serverId: string; now: () => number }) {
    this.#deps = deps;
  }

  /** Claims, renews and drops links so that they match the sandboxes that live. */
  async sync(live: SandboxRow[]): Promise<void> {
    const wanted = new Map(
      live.filter((row) => row.followed && takesWork(row.status)).map((row) => [row.id, row]),
    );
    for (const id of this.#links.keys()) {
      if (!wanted.has(id)) this.#drop(id);
    }
    for (const id of wanted.keys()) await this.attach(id);
  }

  /** Links a sandbox that takes work, unless another server speaks for it; renews the lease of a linked one. */
  async attach(id: string): Promise<void> {
    const { store, serverId, now } = this.#deps;
    const mine = await store.claim(id, serverId, now() + LEASE_MS, now());
    if (!mine) this.#drop(id);
    else if (!this.#links.has(id)) this.#open(id);
  }

  /** Links a sandbox that was not followed so far, since its box has something to tell. */
  async followBox(boxId: string): Promise<void> {
    const { store, now } = this.#deps;
    const row = await store.findByBox(boxId);
    if (!row || row.followed || row.box_id !== boxId || !takesWork(row.status)) return;
    await store.update(row.id, { followed: true }, [], now());
    await this.attach(row.id);
  }

  /** Lets go of a sandbox whose box is to stop, and waits until nothing more of it is taken over. */
  async detach(id: string): Promise<void> {
    const link = this.#links.get(id);
    this.#drop(id);
    await link?.done.catch(() => undefined);
  }

  async close(): Promise<void> {
    const links = [...this.#links.values()];
    for (const id of this.#links.keys()) this.#drop(id);
    await Promise.allSettled(links.map((link) => link.done));
  }

  #open(id: string): void {
    const stop = new AbortController();
    const link = new BoxLink(this.#deps, id, stop.signal);
    // It goes on long after the request that made the sandbox.
    const running = this.#deps.tracing.apart(() => link.run());
    const done = running.catch((error: unknown) => {
      this.#deps.logger.error({ event: 'link.failed', sandboxId: id, err: error }, 'link to box ended');
      this.#links.delete(id);
    });
    this.#links.set(id, { stop, done });
  }

  #drop(id: string): void {
    this.#links.get(id)?.stop.abort();
    this.#links.delete(id);
  }
}

import type { Network } from '@banata/protocol';
import type { Socket } from 'node:net';
import { EgressPolicy } from './egress-policy.ts';
import { ResolvedNames } from './resolved-names.ts';

/** A connection that the proxy holds open for a box, with the question whether it may go on. */
export interface HeldConnection {
  socket: Socket;
  mayGoOn: (policy: EgressPolicy) => boolean;
}

/** The network of one running sandbox, as the name service and the proxy need it. */
export class BoxEgress {
  readonly sandboxId: string;
  readonly names: ResolvedNames;
  /** Connections the proxy holds for the box. */
  readonly held = new Set<HeldConnection>();
  #policy: EgressPolicy;

  constructor(sandboxId: string, network: Network, now: () => number) {
    this.sandboxId = sandboxId;
    this.names = new ResolvedNames(now);
    this.#policy = new EgressPolicy(network);
  }

  get policy(): EgressPolicy {
    return this.#policy;
  }

  /** Puts other rules in force and cuts the connections that they do not allow. */
  change(network: Network): void {
    this.#policy = new EgressPolicy(network);
    for (const connection of this.held) {
      if (!connection.mayGoOn(this.#policy)) connection.socket.destroy();
    }
  }

  close(): void {
    for (const { socket } of this.held) socket.destroy();
  }
}

/** The boxes that run, by their address. A box that is not here gets nothing. */
export class BoxEgresses {
  readonly #byAddress = new Map<string, BoxEgress>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes a box up, or changes the rules of one that is known. */
  set(address: string, sandboxId: string, network: Network): void {
    const known = this.#byAddress.get(address);
    if (known?.sandboxId === sandboxId) return known.change(network);
    known?.close();
    this.#byAddress.set(address, new BoxEgress(sandboxId, network, this.#now));
  }

  /** Takes up the box that a sandbox has from now on; what its earlier one had open is closed. */
  replace(address: string, sandboxId: string, network: Network): void {
    this.remove(sandboxId);
    this.set(address, sandboxId, network);
  }

  /** Forgets the box of a sandbox that is at rest, or has ended. */
  remove(sandboxId: string): void {
    for (const [address, box] of this.#byAddress) {
      if (box.sandboxId !== sandboxId) continue;
      box.close();
      this.#byAddress.delete(address);
    }
  }

  of(address: string | undefined): BoxEgress | undefined {
    return address === undefined ? undefined : this.#byAddress.get(address);
  }

  has(sandboxId: string): boolean {
    return [...this.#byAddress.values()].some((box) => box.sandboxId === sandboxId);
  }

  get size(): number {
    return this.#byAddress.size;
  }

  /** Forgets all boxes but those of the given sandboxes. */
  keepOnly(sandboxIds: ReadonlySet<string>): void {
    for (const [address, box] of this.#byAddress) {
      if (sandboxIds.has(box.sandboxId)) continue;
      box.close();
      this.#byAddress.delete(address);
    }
  }
}

import type { BoxFlow, SandboxDriver } from '@banata/drivers';
import type { BoxEgress, BoxEgresses } from './box-egress.ts';
import type { ConnectionLog, OpenConnection } from './connection-log.ts';

interface Seen {
  flow: BoxFlow;
  connection: OpenConnection;
}

export interface FlowWatchDeps {
  driver: Pick<SandboxDriver, 'flows'>;
  boxes: BoxEgresses;
  connections: ConnectionLog;
  isReachable: (address: string) => boolean;
}

/** Takes what the host counted of the boxes' direct traffic over into the log. */
export class FlowWatch {
  readonly #deps: FlowWatchDeps;
  #seen = new Map<string, Seen>();

  constructor(deps: FlowWatchDeps) {
    this.#deps = deps;
  }

  /** One round. Costs nothing while no box runs. */
  async read(): Promise<void> {
    const { driver, boxes } = this.#deps;
    if (boxes.size === 0) return;
    const next = new Map<string, Seen>();
    for (const flow of await driver.flows()) {
      const box = boxes.of(flow.box);
      if (!box) continue;
      const key = `${box.sandboxId} ${flow.allowed ? 'passed' : 'refused'} ${flow.address} ${flow.protocol} ${flow.port}`;
      next.set(key, { flow, connection: this.#note(box, flow, this.#seen.get(key)) });
    }
    for (const [key, { connection }] of this.#seen) if (!next.has(key)) connection.close();
    this.#seen = next;
  }

  #note(box: BoxEgress, flow: BoxFlow, seen: Seen | undefined): OpenConnection {
    // A count that fell: the flow was forgotten in between and began anew.
    const goesOn = seen !== undefined && seen.flow.bytesSent <= flow.bytesSent;
    if (seen && !goesOn) seen.connection.close();
    const { address, port, protocol, allowed } = flow;
    const connection = goesOn
      ? seen.connection
      : this.#deps.connections.open(box.sandboxId, {
          protocol,
          host: box.names.namesOf(address)[0] ?? null,
          address,
          port,
          allowed,
          rule: this.#ruleOf(box, flow),
        });
    // What a refused flow sent went nowhere.
    if (allowed) connection.setBytes(flow.bytesSent, flow.bytesReceived);
    return connection;
  }

  #ruleOf(box: BoxEgress, { address, allowed }: BoxFlow): string {
    const verdict = box.policy.judgeAddress(address);
    if (allowed) return verdict.rule;
    if (!verdict.allowed) return verdict.rule;
    return this.#deps.isReachable(address) ? 'only TCP is judged by name' : 'never reachable';
  }
}

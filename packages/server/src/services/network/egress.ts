import type { SandboxDriver, ServiceAddress } from '@banata/drivers';
import type { Logger } from '../../logger.ts';
import { BoxEgresses } from './box-egress.ts';
import { ConnectionLog, type ConnectionSink } from './connection-log.ts';
import { FlowWatch } from './flow-watch.ts';
import { outsideThisHost } from './reachable.ts';

/** The parts that hold and note what boxes reach. */
export interface Egress {
  boxes: BoxEgresses;
  connections: ConnectionLog;
  flows: FlowWatch;
  /** True for an address that boxes reach where their own rules allow it. */
  isReachable: (address: string) => boolean;
}

export function createEgress(options: {
  driver: SandboxDriver;
  serviceAddress: ServiceAddress;
  sink: ConnectionSink;
  logger: Logger;
  now: () => number;
}): Egress {
  const { driver, serviceAddress, sink, logger, now } = options;
  const boxes = new BoxEgresses(now);
  const connections = new ConnectionLog(sink, logger, now);
  const isReachable = outsideThisHost(serviceAddress.isReachable, now);
  return {
    boxes,
    connections,
    isReachable,
    flows: new FlowWatch({ driver, boxes, connections, isReachable }),
  };
}

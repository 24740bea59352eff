import type { BoxCheckpoints, BoxPauses, RestoredContents } from './lasting.ts';

/**
 * What stands between a box and the host. `container`: the host's own kernel, with namespaces and filters. `gvisor`: a
 * kernel of its own in user space, which makes few and plain system calls of the host's.
 */
export type BoxIsolation = 'container' | 'gvisor';

/** Limits the driver enforces on one box. */
export interface BoxLimits {
  /** Number of CPUs, fractions allowed. */
  cpus: number;
  /** Memory and swap together, bytes. */
  memoryBytes: number;
  /** Processes and threads together. */
  pids: number;
  /** Writable layer and /workspace together, bytes. */
  diskBytes: number;
  /** Files that one process may have open. */
  openFiles: number;
  /** Network traffic in each direction, bits per second; 0 for no limit. */
  networkBitsPerSecond: number;
}

/**
 * What a box may reach beyond the server's own listener. The host's kernel holds it, also while no server runs. Host,
 * other boxes, link-local and private addresses are refused in every case.
 */
export type BoxNetwork =
  | { egress: 'all' }
  | { egress: 'none' }
  | {
      egress: 'rules';
      /** TCP goes to the server's proxy, which judges it by name. Otherwise it is judged by address, like the rest. */
      proxied: boolean;
      /** IPv4 blocks that the box may reach directly. */
      open: string[];
      /** IPv4 blocks taken out of `open`. */
      closed: string[];
      /** Whether the box reaches the host ports that the operator opened to boxes. */
      hostPorts: boolean;
    };

/** Traffic between a box and one port of one address, as the host counted it. */
export interface BoxFlow {
  /** Address of the box. */
  box: string;
  /** The other side, IPv4. */
  address: string;
  /** Port at `address`. */
  port: number;
  protocol: 'tcp' | 'udp';
  /** False for attempts that were refused. */
  allowed: boolean;
  /** Bytes since the flow began, IP headers included. A flow that was idle for two minutes is forgotten. */
  bytesSent: number;
  /** The same for what the box received. */
  bytesReceived: number;
}

/** Programs that a warm box has running before anybody asks for it. `agent`: the agent server and a browser. */
export type BoxServices = 'none' | 'browser' | 'agent';

/** What the caller of {@link SandboxDriver.create} asks for. */
export interface BoxRequest {
  /**
   * Id of the box, 32 lowercase letters and digits, chosen by the caller and stored by it before the call,
   * so that a box whose creation was interrupted can be found and destroyed.
   */
  id: string;
  /** They hold for as long as the box is there. */
  limits: BoxLimits;
  /** Default: the driver's own. A host that lacks what it takes answers HOST_UNSUITABLE. */
  isolation?: BoxIsolation;
  /** Default: `{ egress: 'all' }`. */
  network?: BoxNetwork;
  /** Name of a checkpoint of this driver's that the box begins with. Default: empty. */
  from?: string;
  /**
   * What the box is for. A warm box that has it running is handed out where there is one; any other box starts it when
   * it is configured. Default: `none`.
   */
  services?: BoxServices;
}

/** What a box has used since it was started, and holds now. Warm time before it was handed out counts. */
export interface BoxUsage {
  /** CPU time, microseconds. */
  cpuUs: number;
  /** Memory that could not be taken back at once. */
  memoryBytes: number;
  /** The most it was since the box was started. */
  memoryPeakBytes: number;
  /** Processes and threads. */
  pids: number;
  /** Writable layer and /workspace together. May lag by half a minute. */
  storageBytes: number;
  /** Sent by the box over its network link, replies to the server included. */
  egressBytes: number;
  /** Received by the box over that link. */
  ingressBytes: number;
}

/** Where the daemon of a box answers, and the secret it asks for. */
export interface BoxEndpoint {
  /** IP address, reachable from the server only. */
  host: string;
  port: number;
  /** Bearer token, good for this box's daemon only. */
  token: string;
}

/** A running box. */
export interface Box {
  id: string;
  endpoint: BoxEndpoint;
  /** Address under which traffic of this box arrives at the boxes' listener. */
  address: string;
  isolation: BoxIsolation;
  /**
   * Milliseconds each step of the creation took, by name, in order. Empty for an adopted box. `warm` is among them where
   * the box was started before it was asked for: it runs, and whether its daemon still answers is the caller's to see.
   */
  timings: Record<string, number>;
  /** What it got of the checkpoint it was made from. Only in the answer of `create`. */
  restored?: RestoredContents;
}

/**
 * State of a box as the host sees it: `dead` boxes hold resources but run nothing, `stored` ones have a disk only and can
 * be resumed.
 */
export type BoxState = 'running' | 'paused' | 'stored' | 'dead';

/** A box as {@link SandboxDriver.list} tells of it. */
export interface BoxListing {
  id: string;
  state: BoxState;
  /** Why a dead box ended, in words for its owner, where the host knows. */
  reason?: string;
}

/** Address of the boxes' own listener: the one way from a box to the server. */
export interface ServiceAddress {
  /** Address the server binds; every box reaches it, nothing else on the host. */
  host: string;
  /** TCP port for the model gateway and the box API. */
  port: number;
  /** Port (UDP and TCP) on which the server answers the boxes' DNS questions; boxes see it as port 53. */
  dnsPort: number;
  /** Port on which the server takes the TCP connections of boxes under rules. */
  proxyPort: number;
  /** Address the proxy dials from, so that the host can hold it to what boxes may reach. */
  egressAddress: string;
  /** True for an IPv4 address that the host does not refuse to every box. */
  isReachable: (address: string) => boolean;
}

/**
 * Makes, lists and destroys the boxes that the box daemon runs in. One instance owns everything on the host that
 * carries its instance id, and touches nothing else.
 *
 * Every method rejects with a {@link DriverError}; every method is bounded in time.
 */
export interface SandboxDriver {
  readonly name: string;
  /** Left out by a driver that cannot copy disks. */
  readonly checkpoints?: BoxCheckpoints;
  /** Left out by a driver that cannot pause boxes. */
  readonly pauses?: BoxPauses;
  /**
   * Prepares the host (pool, network, warm boxes) and adopts what an earlier run left. Idempotent.
   * @returns the address the server has to listen on for its boxes.
   */
  start(): Promise<ServiceAddress>;
  /**
   * Makes a box, or hands out a warm one. Resolves as soon as the box daemon answers its health check. When it
   * rejects, or the signal aborts, nothing of the box is left on the host.
   */
  create(request: BoxRequest, signal: AbortSignal): Promise<Box>;
  /** The box under this id, or undefined when the host has none (or only the dead rest of one). */
  get(id: string): Promise<Box | undefined>;
  /** Every box that was handed out, and rests of such; warm boxes are not listed. */
  list(): Promise<BoxListing[]>;
  /**
   * What boxes use. Boxes that are gone are left out. A driver that cannot tell leaves the method out.
   */
  usage?(ids: readonly string[]): Promise<Map<string, BoxUsage>>;
  /** Ends the box and frees all it holds. Resolves also when there is no such box. */
  destroy(id: string): Promise<void>;
  /**
   * Changes what a box may reach, at once; open connections that are no longer allowed break.
   * Rejects when there is no such box.
   */
  setNetwork(id: string, network: BoxNetwork): Promise<void>;
  /** The latest traffic of all boxes, except what went through the proxy. */
  flows(): Promise<BoxFlow[]>;
  /** Stops background work of the driver. Boxes go on running. */
  close(): Promise<void>;
  /** Destroys every box and removes everything of this instance from the host: pool mount, network, rules. */
  purge(): Promise<void>;
}

/**
 * `HOST_UNSUITABLE`: the host lacks what the driver, or the isolation asked for, needs. `CAPACITY_EXHAUSTED`: no disk
 * space or address is left for another box. `BOX_START_FAILED`: the box, or its daemon, did not come up. `BOX_ID_TAKEN`: a
 * box has this id. `ABORTED`: the caller's signal aborted, or the box or the driver was ended meanwhile.
 * `CONTENTS_REFUSED`: an archive that no export makes, or a disk that none can be made of. `DRIVER_FAILURE`: anything else.
 */
export type DriverErrorCode =
  | 'HOST_UNSUITABLE'
  | 'CAPACITY_EXHAUSTED'
  | 'BOX_START_FAILED'
  | 'BOX_ID_TAKEN'
  | 'ABORTED'
  | 'CONTENTS_REFUSED'
  | 'DRIVER_FAILURE';

/** What went wrong on the host, in words an operator can act on. */
export class DriverError extends Error {
  readonly code: DriverErrorCode;
  constructor(code: DriverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DriverError';
    this.code = code;
  }
}

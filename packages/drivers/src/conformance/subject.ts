import type { Box, BoxIsolation, BoxLimits, SandboxDriver } from '../driver.ts';

/** Outcome of a command that ran in a box. */
export interface CommandOutcome {
  exitCode: number;
  /** Standard output and error, without white space around them. */
  output: string;
}

export interface SubjectOptions {
  /** Warm boxes to keep; drivers without warm boxes ignore it. */
  warm?: number;
  /** Which of two separate installations on the same host. */
  installation?: 'first' | 'second';
  allowPrivateCidrs?: string[];
  /** The daemon that boxes start: one that answers, or one that ends at once. Default: the first. */
  daemon?: 'probe' | 'broken';
}

/** What the conformance suite needs to know of a driver beside its interface. */
export interface ConformanceSubject {
  /** Limits for boxes that the host of the test can bear. */
  limits: BoxLimits;
  /** Limits that warm boxes start with. */
  warmLimits: BoxLimits;
  /** What the driver's boxes have unless they ask for another. */
  isolation: BoxIsolation;
  /** Makes a driver on the data of its installation, as a server does when it starts. */
  createDriver(options?: SubjectOptions): SandboxDriver;
  /** Runs a bash command as root of the box. */
  run(box: Box, command: string): Promise<CommandOutcome>;
  /** Ends all processes of a box behind the driver's back. */
  killBehindDriver(id: string): Promise<void>;
  /** User id, on the host, of the first process of a box. */
  hostUid(id: string): Promise<number>;
  /** Everything an installation has on the host: names of links, mounts, cgroups, rules, processes. */
  hostTraces(installation: 'first' | 'second'): Promise<string[]>;
  /** Those of the traces that belong to boxes that were handed out or are being made. */
  boxTraces(installation: 'first' | 'second'): Promise<string[]>;
  /** Address at which boxes of the first installation must not reach the host itself. */
  hostAddress: string;
}

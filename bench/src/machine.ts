import { cpus, loadavg, release } from 'node:os';

/** Where figures were measured. */
export interface Machine {
  cpu: string;
  cores: number;
  kernel: string;
  node: string;
  /** Load average of the minute before. */
  loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
  };
}

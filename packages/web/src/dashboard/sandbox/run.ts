import type { ExecResult } from '@banata-boxes/sdk';

/** A command that was given from this page. */
export interface Run {
  id: number;
  command: string;
  outcome: { state: 'running' } | { state: 'done'; result: ExecResult } | { state: 'failed'; error: unknown };
}

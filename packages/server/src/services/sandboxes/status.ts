import type { SandboxStatus } from '@banata/protocol';

/**
 * Which status may follow which. `ended` and `failed` are final. A sandbox that is put back to a checkpoint, or resumed,
 * is `assigning` once more, and back where it was when that fails.
 */
export const transitions: Readonly<Record<SandboxStatus, readonly SandboxStatus[]>> = {
  queued: ['assigning', 'ending', 'failed'],
  assigning: ['ready', 'paused', 'ending', 'failed'],
  ready: ['active', 'assigning', 'pausing', 'ending', 'failed'],
  active: ['ready', 'assigning', 'pausing', 'ending', 'failed'],
  pausing: ['paused', 'ready', 'ending', 'failed'],
  paused: ['assigning', 'ending', 'failed'],
  ending: ['ended', 'failed'],
  ended: [],
  failed: [],
};

/** The statuses from which `to` can be reached in one step. */
export function statusesBefore(to: SandboxStatus): SandboxStatus[] {
  return (Object.keys(transitions) as SandboxStatus[]).filter((from) => transitions[from].includes(to));
}

/** Nothing follows any more. */
export function isFinal(status: SandboxStatus): boolean {
  return transitions[status].length === 0;
}

/** Commands, files, browser and agent are served. */
export function takesWork(status: SandboxStatus): boolean {
  return status === 'ready' || status === 'active';
}

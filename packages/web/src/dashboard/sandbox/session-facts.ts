import type { Tone } from '../../ui/status-dot.tsx';
import type { SandboxSession } from '@banata-boxes/sdk';

type Status = SandboxSession['status'];

const TONES: Record<Status, Tone> = {
  queued: 'wait',
  assigning: 'wait',
  ready: 'good',
  active: 'good',
  pausing: 'wait',
  paused: 'off',
  ending: 'wait',
  ended: 'off',
  failed: 'bad',
};

/** Colour of a status. */
export function toneOf(status: Status): Tone {
  return TONES[status];
}

/** True while the sandbox takes work. */
export function takesWork({ status }: SandboxSession): boolean {
  return status === 'ready' || status === 'active';
}

/** True when nothing will change any more. */
export function isOver({ status }: SandboxSession): boolean {
  return status === 'ended' || status === 'failed';
}

/** What the sandbox was made with, in the names of either API generation. */
export function featuresOf({ capabilities }: SandboxSession): { browser: boolean; agent: boolean } {
  const browser = capabilities?.browser;
  return {
    browser: browser ? (browser.mode ?? 'local-chromium') !== 'none' : false,
    agent: (capabilities?.agent?.enabled ?? capabilities?.opencode?.enabled) === true,
  };
}

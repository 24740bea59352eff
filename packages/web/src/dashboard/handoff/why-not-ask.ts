import type { SandboxSession } from '@banata-boxes/sdk';

/** Why nobody can be asked into this sandbox; null where somebody can. */
export function whyNotAsk({ capabilities }: Pick<SandboxSession, 'capabilities'>): string | null {
  const browser = capabilities?.browser;
  const mode = browser ? (browser.mode ?? 'local-chromium') : 'none';
  return mode === 'none' || browser?.humanInLoop === true
    ? null
    : 'It was made without people in its browser (humanInLoop).';
}

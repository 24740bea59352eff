import type { ReactNode } from 'react';

export type Tone = 'good' | 'wait' | 'bad' | 'off';

const COLORS: Record<Tone, string> = {
  good: 'bg-good',
  wait: 'bg-wait motion-safe:animate-pulse',
  bad: 'bg-bad',
  off: 'bg-soft/60',
};

/** A coloured dot beside a word that says the same. */
export function StatusDot({ tone }: { tone: Tone }): ReactNode {
  return <span aria-hidden="true" className={`inline-block size-2 shrink-0 rounded-full ${COLORS[tone]}`} />;
}

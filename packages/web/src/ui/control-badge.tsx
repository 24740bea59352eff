import type { ReactNode } from 'react';

export type ControlMode = 'ai' | 'human' | 'shared';

const TEXTS: Record<ControlMode, { who: string; how: string; title: string }> = {
  ai: { who: 'Agent', how: 'in control', title: 'The agent drives the browser' },
  human: { who: 'Person', how: 'in control', title: 'A person drives the browser; the agent waits' },
  shared: { who: 'Shared', how: 'control', title: 'The agent and people can drive the browser' },
};

/** Who drives the browser. */
export function ControlBadge({ mode }: { mode: ControlMode }): ReactNode {
  const { who, how, title } = TEXTS[mode];
  return (
    <span
      title={title}
      className="shrink-0 rounded-full border border-line bg-raised px-2.5 py-0.5 text-xs whitespace-nowrap text-soft"
    >
      {who}
      <span className="max-sm:sr-only"> {how}</span>
    </span>
  );
}

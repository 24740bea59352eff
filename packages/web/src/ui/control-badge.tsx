import type { ReactNode } from 'react';

export type ControlMode = 'ai' | 'human' | 'shared';

const TEXTS: Record<ControlMode, { who: string; how: string; title: string }> = {
  ai: { who: 'Agent', how: 'in control', title: 'Automation drives the browser; people watch' },
  human: { who: 'Person', how: 'in control', title: 'A person drives the browser; automation waits' },
  shared: { who: 'Shared', how: 'control', title: 'Automation and people can drive the browser' },
};

interface Props {
  mode: ControlMode;
  /** Who it is, where that is known. */
  controller?: string | null;
  /** Time that is left, as text. */
  left?: string | null;
}

/** Who drives the browser. */
export function ControlBadge({ mode, controller, left }: Props): ReactNode {
  const { who, how, title } = TEXTS[mode];
  return (
    <span
      title={controller ? `${title}: ${controller}` : title}
      className="flex max-w-56 min-w-0 shrink-0 gap-1 rounded-full border border-line bg-raised px-2.5 py-0.5 text-xs whitespace-nowrap text-soft max-sm:max-w-28"
    >
      <span className="truncate">{controller ?? who}</span>
      <span className="max-sm:sr-only">{mode === 'shared' && controller ? '· shared' : how}</span>
      {left && <span className="tabular-nums">{left}</span>}
    </span>
  );
}

import type { ReactNode } from 'react';
import { Spinner } from '../ui/spinner.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { phaseText } from './phase-text.ts';
import type { ViewerPhase } from './viewer-phase.ts';

interface Props {
  phase: ViewerPhase;
  /** In place of the usual words. */
  hint?: string | null;
}

/** What stands in place of the picture while there is none. */
export function Notice({ phase, hint }: Props): ReactNode {
  const { title, hint: usualHint, tone } = phaseText(phase);
  return (
    <div className="absolute inset-0 grid place-items-center bg-ground/95 p-6">
      <div role="status" className="flex max-w-sm flex-col items-center gap-4 text-center">
        {tone === 'wait' ? (
          <Spinner className="size-9" />
        ) : (
          <span className="grid size-12 place-items-center rounded-full border border-line bg-panel">
            <StatusDot tone={tone} />
          </span>
        )}
        <div className="flex flex-col gap-1.5">
          <h1 className="text-lg font-semibold text-balance">{title}</h1>
          <p className="text-sm leading-relaxed text-pretty text-soft">{hint ?? usualHint}</p>
        </div>
      </div>
    </div>
  );
}

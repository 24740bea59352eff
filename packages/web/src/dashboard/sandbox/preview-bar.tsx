import type { Preview } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { phaseText } from '../../remote/phase-text.ts';
import type { ViewerPhase } from '../../remote/viewer-phase.ts';
import { ControlBadge } from '../../ui/control-badge.tsx';
import { FullscreenButton } from '../../ui/fullscreen-button.tsx';
import { StatusDot } from '../../ui/status-dot.tsx';
import type { Fullscreen } from '../../ui/use-fullscreen.ts';
import { ViewerLinks } from './viewer-links.tsx';

interface Props {
  phase: ViewerPhase;
  preview: Preview | undefined;
  fullscreen: Fullscreen;
}

/** State of the live browser, with the ways to see it elsewhere. */
export function PreviewBar({ phase, preview, fullscreen }: Props): ReactNode {
  const { label, tone } = phaseText(phase);
  const shown = phase === 'live' ? preview : undefined;
  return (
    <div className="flex h-11 shrink-0 items-center gap-3 border-b border-line px-3 text-sm">
      <span role="status" className="flex shrink-0 items-center gap-2 font-medium">
        <StatusDot tone={tone} />
        {label}
      </span>
      <span className="min-w-0 flex-1 truncate text-soft" title={shown?.title ?? undefined}>
        {shown?.title}
      </span>
      {shown && <ControlBadge mode={shown.controlMode} />}
      {shown && <ViewerLinks viewerUrl={shown.viewerUrl} />}
      <FullscreenButton fullscreen={fullscreen} />
    </div>
  );
}

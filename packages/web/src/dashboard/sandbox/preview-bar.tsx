import type { ReactNode } from 'react';
import { phaseText } from '../../remote/phase-text.ts';
import { ControlButtons } from '../../remote/control-buttons.tsx';
import { FullscreenButton } from '../../ui/fullscreen-button.tsx';
import { StatusDot } from '../../ui/status-dot.tsx';
import type { Fullscreen } from '../../ui/use-fullscreen.ts';
import type { LivePreview } from './use-preview.ts';
import { ViewerLinks } from './viewer-links.tsx';

interface Props {
  live: LivePreview;
  fullscreen: Fullscreen;
}

/** State of the live browser, with the ways to see it elsewhere. */
export function PreviewBar({ live: { phase, preview, view, viewerKey }, fullscreen }: Props): ReactNode {
  const { label, tone } = phaseText(phase);
  const title = phase === 'live' ? view?.title : null;
  return (
    <div className="flex h-11 shrink-0 items-center gap-3 border-b border-line px-3 text-sm">
      <span role="status" className="flex shrink-0 items-center gap-2 font-medium">
        <StatusDot tone={tone} />
        {label}
      </span>
      <span className="min-w-0 flex-1 truncate text-soft" title={title ?? undefined}>
        {title}
      </span>
      {phase === 'live' && view && <ControlButtons viewerKey={viewerKey} view={view} endsElsewhere />}
      {phase === 'live' && preview?.viewerUrl && <ViewerLinks viewerUrl={preview.viewerUrl} />}
      <FullscreenButton fullscreen={fullscreen} />
    </div>
  );
}

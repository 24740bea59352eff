import type { ReactNode, RefObject } from 'react';
import type { Screen } from '../remote/open-screen.ts';
import { ClipboardPanel } from '../remote/clipboard-panel.tsx';
import { TouchKeyboard } from '../remote/touch-keyboard.tsx';
import { FullscreenButton } from '../ui/fullscreen-button.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import type { Fullscreen } from '../ui/use-fullscreen.ts';
import type { PreviewView } from '../remote/view-reply.ts';
import { pageName } from './page-name.ts';
import { phaseText } from '../remote/phase-text.ts';
import type { ViewerPhase } from '../remote/viewer-phase.ts';

interface Props {
  phase: ViewerPhase;
  view: PreviewView | null;
  fullscreen: Fullscreen;
  screen: RefObject<Screen | null>;
  /** What can be done about who is in control. */
  controls: ReactNode;
  /** Text that was copied in the remote browser last. */
  clipboard: string;
}

/** Slim bar over the picture: state, page, who is in control, full screen. */
export function TopBar({ phase, view, fullscreen, screen, controls, clipboard }: Props): ReactNode {
  const { label, tone } = phaseText(phase);
  const { title, host } = pageName(view);
  return (
    <header className="flex h-11 shrink-0 items-center gap-3 border-b border-line bg-panel px-3 max-sm:gap-2 max-sm:px-2">
      <span className="flex shrink-0 items-center gap-2 text-sm font-medium">
        <StatusDot tone={tone} />
        <span className="max-sm:sr-only">{label}</span>
      </span>
      {view && <span aria-hidden="true" className="h-4 w-px shrink-0 bg-line" />}
      <p className="min-w-0 flex-1 truncate text-sm" title={view?.url ?? undefined}>
        {view && title}
        {host && host !== title && <span className="ml-2 text-soft max-sm:hidden">{host}</span>}
      </p>
      {phase === 'live' && controls}
      {phase === 'live' && view?.inControl && <TouchKeyboard screen={screen} />}
      {phase === 'live' && view?.mayControl && (
        <ClipboardPanel screen={screen} text={clipboard} mayPaste={view.inControl} />
      )}
      <FullscreenButton fullscreen={fullscreen} />
    </header>
  );
}

import type { Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useRef, type ReactNode } from 'react';
import { Notice } from '../../remote/notice.tsx';
import type { ViewerPhase } from '../../remote/viewer-phase.ts';
import { vncUrl } from '../../remote/view-urls.ts';
import { useFullscreen } from '../../ui/use-fullscreen.ts';
import { LiveScreen } from './live-screen.tsx';
import { NavigateForm } from './navigate-form.tsx';
import { PreviewBar } from './preview-bar.tsx';
import { usePreview } from './use-preview.ts';

/** Words for the owner of the sandbox, where those for a guest do not fit. */
function hintFor(phase: ViewerPhase, reason: string | null): string | null {
  if (phase === 'failed') return reason ?? 'The log of the server says why.';
  return phase === 'ended' ? 'Its browser no longer runs.' : null;
}

/** The live browser of a sandbox, with an address line. */
export function PreviewPanel({ sandbox, session }: { sandbox: Sandbox; session: SandboxSession }): ReactNode {
  const panel = useRef<HTMLElement>(null);
  const fullscreen = useFullscreen(panel);
  const live = usePreview(sandbox, session);
  const { phase, preview, view, viewerKey, link } = live;
  const { status, serial } = link.state;

  return (
    <section
      ref={panel}
      aria-label="Live browser"
      className="flex min-w-0 flex-col overflow-hidden rounded-lg border border-line bg-panel"
    >
      <PreviewBar live={live} fullscreen={fullscreen} />
      <NavigateForm sandbox={sandbox} url={view?.url ?? null} disabled={phase !== 'live'} />
      <div className={`relative bg-ground ${fullscreen.active ? 'min-h-0 flex-1' : 'aspect-[1280/800]'}`}>
        {viewerKey && (status === 'connecting' || status === 'open') && (
          <LiveScreen
            key={serial}
            wsUrl={vncUrl(viewerKey, location.origin)}
            steering={view?.inControl ?? false}
            onOpen={link.opened}
            onLost={link.lost}
          />
        )}
        {preview?.viewerUrl === null ? (
          <SwitchedOff />
        ) : (
          phase !== 'live' && (
            <Notice phase={phase} hint={hintFor(phase, preview?.reason ?? session.endReason)} />
          )
        )}
      </div>
    </section>
  );
}

function SwitchedOff(): ReactNode {
  return (
    <p className="absolute inset-0 grid place-items-center p-6 text-sm text-soft">
      The live view of this browser is switched off.
    </p>
  );
}

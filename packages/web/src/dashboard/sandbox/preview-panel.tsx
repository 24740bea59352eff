import type { Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useRef, type ReactNode } from 'react';
import { Notice } from '../../remote/notice.tsx';
import { atThisServer } from '../../remote/same-origin.ts';
import { useFullscreen } from '../../ui/use-fullscreen.ts';
import { LiveScreen } from './live-screen.tsx';
import { NavigateForm } from './navigate-form.tsx';
import { PreviewBar } from './preview-bar.tsx';
import { usePreview } from './use-preview.ts';

/** The live browser of a sandbox, with an address line. */
export function PreviewPanel({ sandbox, session }: { sandbox: Sandbox; session: SandboxSession }): ReactNode {
  const panel = useRef<HTMLElement>(null);
  const fullscreen = useFullscreen(panel);
  const { phase, preview, link } = usePreview(sandbox, session);
  const { status, serial } = link.state;
  const drawn = preview && (status === 'connecting' || status === 'open');

  return (
    <section
      ref={panel}
      aria-label="Live browser"
      className="flex min-w-0 flex-col overflow-hidden rounded-lg border border-line bg-panel"
    >
      <PreviewBar phase={phase} preview={preview} fullscreen={fullscreen} />
      <NavigateForm sandbox={sandbox} url={preview?.url ?? null} disabled={phase !== 'live'} />
      <div className={`relative bg-ground ${fullscreen.active ? 'min-h-0 flex-1' : 'aspect-[1280/800]'}`}>
        {drawn && (
          <LiveScreen
            key={serial}
            wsUrl={atThisServer(preview.wsUrl, location.origin)}
            onOpen={link.opened}
            onLost={link.lost}
          />
        )}
        {phase !== 'live' && (
          <Notice phase={phase} hint={phase === 'failed' ? (preview?.reason ?? session.endReason) : null} />
        )}
      </div>
    </section>
  );
}

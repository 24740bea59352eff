import { useEffect, useRef, type ReactNode } from 'react';
import { RemoteScreen } from '../remote/remote-screen.tsx';
import { useFullscreen } from '../ui/use-fullscreen.ts';
import { Notice } from '../remote/notice.tsx';
import { pageName } from './page-name.ts';
import { TopBar } from './top-bar.tsx';
import { useViewer } from './use-viewer.ts';
import { vncUrl } from './viewer-link.ts';

/** The live browser behind one link, and nothing else. */
export function ViewerPage({ token }: { token: string }): ReactNode {
  const page = useRef<HTMLDivElement>(null);
  const fullscreen = useFullscreen(page);
  const { phase, view, link } = useViewer(token);
  const { status, serial } = link.state;
  const { title } = pageName(view);

  useEffect(() => {
    document.title = title;
  }, [title]);

  return (
    <div ref={page} className="flex h-full flex-col bg-ground">
      <TopBar phase={phase} view={view} fullscreen={fullscreen} />
      <main className="relative min-h-0 flex-1">
        {(status === 'connecting' || status === 'open') && (
          <RemoteScreen
            key={serial}
            url={vncUrl(token, location.origin)}
            autoFocus
            onOpen={link.opened}
            onLost={link.lost}
          />
        )}
        {phase !== 'live' && <Notice phase={phase} />}
      </main>
    </div>
  );
}

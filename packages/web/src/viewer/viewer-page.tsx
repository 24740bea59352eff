import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import { HandoffNote } from '../remote/handoff-note.tsx';
import { Notice } from '../remote/notice.tsx';
import type { Screen } from '../remote/open-screen.ts';
import { RemoteScreen } from '../remote/remote-screen.tsx';
import { useLiveLink } from '../remote/use-live-link.ts';
import { useViewReply } from '../remote/use-view-reply.ts';
import { vncUrl, type ViewerKey } from '../remote/view-urls.ts';
import { isFinal } from '../remote/viewer-phase.ts';
import { useFullscreen } from '../ui/use-fullscreen.ts';
import { pageName } from './page-name.ts';
import { TopBar } from './top-bar.tsx';

/** The live browser behind one link, and nothing else. */
export function ViewerPage({ viewerKey }: { viewerKey: ViewerKey }): ReactNode {
  const page = useRef<HTMLDivElement>(null);
  const fullscreen = useFullscreen(page);
  const state = useViewReply(viewerKey);
  const { phase, link } = useLiveLink(state);
  const view = state.reply?.kind === 'view' && !isFinal(phase) ? state.reply.view : null;
  const { status, serial } = link.state;
  const { title } = pageName(view);
  const screen = useRef<Screen>(null);
  const [clipboard, setClipboard] = useState('');
  const { opened, lost } = link;
  const onOpen = useCallback(
    (connected: Screen): void => {
      screen.current = connected;
      opened();
    },
    [opened],
  );
  const onLost = useCallback((): void => {
    screen.current = null;
    lost();
  }, [lost]);

  useEffect(() => {
    document.title = title;
  }, [title]);

  return (
    <div ref={page} className="flex h-full flex-col bg-ground">
      <TopBar
        phase={phase}
        view={view}
        fullscreen={fullscreen}
        screen={screen}
        viewerKey={viewerKey}
        clipboard={clipboard}
      />
      <HandoffNote handoff={view?.handoff ?? null} />
      <main className="relative min-h-0 flex-1">
        {(status === 'connecting' || status === 'open') && (
          <RemoteScreen
            key={serial}
            url={vncUrl(viewerKey, location.origin)}
            autoFocus
            steering={view?.inControl ?? false}
            onClipboard={setClipboard}
            onOpen={onOpen}
            onLost={onLost}
          />
        )}
        {phase !== 'live' && <Notice phase={phase} />}
      </main>
    </div>
  );
}

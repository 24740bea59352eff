import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import { Notice } from '../remote/notice.tsx';
import type { Screen } from '../remote/open-screen.ts';
import { RemoteScreen } from '../remote/remote-screen.tsx';
import { useLiveLink } from '../remote/use-live-link.ts';
import { useViewReply } from '../remote/use-view-reply.ts';
import type { PreviewView } from '../remote/view-reply.ts';
import { vncUrl, type ViewerKey } from '../remote/view-urls.ts';
import { isFinal } from '../remote/viewer-phase.ts';
import { useFullscreen } from '../ui/use-fullscreen.ts';
import { TopBar } from './top-bar.tsx';

type Part = (view: PreviewView | null) => ReactNode;

interface Props {
  /** Another one connects the picture anew. */
  viewerKey: ViewerKey;
  /** In the bar: what can be done about who is in control. */
  controls?: Part;
  /** Between bar and picture. */
  below: Part;
  /** Beside the picture, or above it where there is no room. */
  beside?: ReactNode;
  /** Gives the keyboard to the picture as soon as it is there. */
  autoFocus?: boolean;
  /** Told of the page that is open. */
  onView?: (view: PreviewView | null) => void;
}

const WITH_SIDE = 'flex min-h-0 flex-1 flex-col overflow-y-auto lg:flex-row lg:overflow-hidden';
const PICTURE_BESIDE =
  'relative h-72 min-w-0 shrink-0 border-t border-line lg:h-auto lg:flex-1 lg:border-t-0';

/** A live browser that fills the page, with what stands around it. */
export function ViewerFrame({
  viewerKey,
  controls,
  below,
  beside,
  autoFocus = false,
  onView,
}: Props): ReactNode {
  const page = useRef<HTMLDivElement>(null);
  const fullscreen = useFullscreen(page);
  const state = useViewReply(viewerKey);
  const { phase, link } = useLiveLink(state);
  const view = state.reply?.kind === 'view' && !isFinal(phase) ? state.reply.view : null;
  const { status, serial } = link.state;
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
  useEffect(() => onView?.(view), [onView, view]);

  return (
    <div ref={page} className="flex h-full flex-col bg-ground">
      <TopBar
        phase={phase}
        view={view}
        fullscreen={fullscreen}
        screen={screen}
        controls={view && controls?.(view)}
        clipboard={clipboard}
      />
      {below(view)}
      <main className={beside ? WITH_SIDE : 'flex min-h-0 flex-1'}>
        {beside}
        <div className={beside ? PICTURE_BESIDE : 'relative min-w-0 flex-1'}>
          {(status === 'connecting' || status === 'open') && (
            <RemoteScreen
              key={serial}
              url={vncUrl(viewerKey, location.origin)}
              autoFocus={autoFocus}
              steering={view?.inControl ?? false}
              onClipboard={setClipboard}
              onOpen={onOpen}
              onLost={onLost}
            />
          )}
          {phase !== 'live' && <Notice phase={phase} />}
        </div>
      </main>
    </div>
  );
}

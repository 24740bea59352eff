import { useCallback, useRef, useState, type ReactNode } from 'react';
import { Notice } from '../../remote/notice.tsx';
import type { Screen } from '../../remote/open-screen.ts';
import { RemoteScreen } from '../../remote/remote-screen.tsx';
import { TouchKeyboard } from '../../remote/touch-keyboard.tsx';
import { useLiveLink } from '../../remote/use-live-link.ts';
import { useViewReply } from '../../remote/use-view-reply.ts';
import { vncUrl, type ViewerKey } from '../../remote/view-urls.ts';

interface Props {
  /** Token for the live view. A fresh one comes with every look; the first is kept. */
  token: string;
  viewer: string;
}

/** The live browser: steered by who accepted, watched by others. Give it a new `key` for a new token. */
export function HandoffScreen({ token, viewer }: Props): ReactNode {
  const [viewerKey] = useState({ token, viewer });
  return <LiveScreen viewerKey={viewerKey} />;
}

function LiveScreen({ viewerKey }: { viewerKey: ViewerKey }): ReactNode {
  const state = useViewReply(viewerKey);
  const { phase, link } = useLiveLink(state);
  const screen = useRef<Screen>(null);
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
  const { status, serial } = link.state;
  const steering = state.reply?.kind === 'view' && state.reply.view.inControl;
  return (
    <>
      {(status === 'connecting' || status === 'open') && (
        <RemoteScreen
          key={serial}
          url={vncUrl(viewerKey, location.origin)}
          autoFocus={false}
          steering={steering}
          onOpen={onOpen}
          onLost={onLost}
        />
      )}
      {phase === 'live' && steering && (
        <span className="absolute right-2 bottom-2">
          <TouchKeyboard screen={screen} />
        </span>
      )}
      {phase !== 'live' && <Notice phase={phase} />}
    </>
  );
}

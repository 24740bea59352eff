import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import { openScreen, type Screen } from './open-screen.ts';

interface Props {
  url: string;
  autoFocus: boolean;
  /** Whether keys and mouse are sent. */
  steering: boolean;
  onOpen: (screen: Screen) => void;
  onLost: () => void;
  onClipboard?: (text: string) => void;
}

/** The remote screen, scaled to fit its parent. One mount is one connection: give it a new `key` to connect again. */
export function RemoteScreen(props: Props): ReactNode {
  const { url, autoFocus, steering, onOpen, onLost, onClipboard } = props;
  const target = useRef<HTMLDivElement>(null);
  const [screen, setScreen] = useState<Screen | null>(null);
  const opened = useCallback(
    (connected: Screen): void => {
      setScreen(connected);
      onOpen(connected);
    },
    [onOpen],
  );

  useEffect(() => {
    if (!target.current) return;
    const ending = new AbortController();
    const { signal } = ending;
    void openScreen({
      target: target.current,
      url,
      autoFocus,
      signal,
      onOpen: opened,
      onLost,
      onClipboard,
    });
    return () => ending.abort();
  }, [url, autoFocus, opened, onLost, onClipboard]);

  useEffect(() => screen?.setSteering(steering), [screen, steering]);

  return (
    <div ref={target} role="application" aria-label="Remote browser" className="size-full overflow-hidden" />
  );
}

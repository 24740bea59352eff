import { useEffect, useRef, type ReactNode } from 'react';
import { openScreen, type Screen } from './open-screen.ts';

interface Props {
  url: string;
  autoFocus: boolean;
  onOpen: (screen: Screen) => void;
  onLost: () => void;
}

/** The remote screen, scaled to fit its parent. One mount is one connection: give it a new `key` to connect again. */
export function RemoteScreen({ url, autoFocus, onOpen, onLost }: Props): ReactNode {
  const target = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!target.current) return;
    const ending = new AbortController();
    void openScreen({ target: target.current, url, autoFocus, signal: ending.signal, onOpen, onLost });
    return () => ending.abort();
  }, [url, autoFocus, onOpen, onLost]);

  return (
    <div ref={target} role="application" aria-label="Remote browser" className="size-full overflow-hidden" />
  );
}

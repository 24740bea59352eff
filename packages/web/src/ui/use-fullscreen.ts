import { useCallback, useSyncExternalStore, type RefObject } from 'react';

export interface Fullscreen {
  /** False where the browser cannot do it, as on an iPhone. */
  supported: boolean;
  active: boolean;
  toggle: () => void;
}

function subscribe(changed: () => void): () => void {
  document.addEventListener('fullscreenchange', changed);
  return () => document.removeEventListener('fullscreenchange', changed);
}

/** Shows an element full screen and back. */
export function useFullscreen(target: RefObject<HTMLElement | null>): Fullscreen {
  const active = useSyncExternalStore(subscribe, () => document.fullscreenElement !== null);
  const toggle = useCallback(() => {
    const change = document.fullscreenElement
      ? document.exitFullscreen()
      : target.current?.requestFullscreen();
    // A refusal (an embedding page did not allow it) leaves the page as it is, which the person sees.
    change?.catch(() => undefined);
  }, [target]);
  return { supported: document.fullscreenEnabled, active, toggle };
}

import { useEffect, useRef } from 'react';
import { useLink, type Link } from './use-link.ts';
import type { ViewState } from './use-view-reply.ts';
import { viewerPhase, wantsPicture, type ViewerPhase } from './viewer-phase.ts';

/**
 * After a time in which the server could not be reached, a picture opened before it may hang on a dead connection (a
 * laptop that slept, say) without the browser noticing: connect it anew.
 */
function useFreshPicture(asksFail: boolean, link: Link): void {
  const failedAt = useRef<number | null>(null);
  const { state, lost } = link;

  useEffect(() => {
    if (asksFail) {
      failedAt.current ??= Date.now();
      return;
    }
    const since = failedAt.current;
    failedAt.current = null;
    if (since !== null && state.status === 'open' && (state.openedAt ?? 0) < since) lost();
  }, [asksFail, state, lost]);
}

/** Keeps the picture connected as far as the state allows. */
export function useLiveLink({ reply, asksFail }: ViewState): { phase: ViewerPhase; link: Link } {
  const link = useLink(wantsPicture(reply));
  useFreshPicture(asksFail, link);
  return { phase: viewerPhase(reply, asksFail, link.state), link };
}

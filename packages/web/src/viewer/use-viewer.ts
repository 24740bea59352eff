import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { initialLink } from '../remote/link-state.ts';
import { useLink, type Link } from '../remote/use-link.ts';
import type { PreviewView } from '../remote/view-reply.ts';
import { fetchView } from './fetch-view.ts';
import { viewStateUrl } from './viewer-link.ts';
import { isFinal, viewerPhase, wantsPicture, type ViewerPhase } from '../remote/viewer-phase.ts';

const POLL_MS = 2_000;

export interface Viewer {
  phase: ViewerPhase;
  view: PreviewView | null;
  link: Link;
}

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

/** State of the viewer page for one link. */
export function useViewer(token: string): Viewer {
  const query = useQuery({
    queryKey: ['view', token],
    queryFn: ({ signal }) => fetchView(viewStateUrl(token, location.origin), signal),
    refetchInterval: ({ state }) => (isFinal(viewerPhase(state.data, false, initialLink)) ? false : POLL_MS),
  });
  const reply = query.data;
  const asksFail = query.isError;
  const link = useLink(wantsPicture(reply));
  useFreshPicture(asksFail, link);

  const phase = viewerPhase(reply, asksFail, link.state);
  return { phase, view: reply?.kind === 'view' && !isFinal(phase) ? reply.view : null, link };
}

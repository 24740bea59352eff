import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { fetchView } from './fetch-view.ts';
import { initialLink } from './link-state.ts';
import type { ViewReply } from './view-reply.ts';
import { viewStateUrl, type ViewerKey } from './view-urls.ts';
import { isFinal, viewerPhase } from './viewer-phase.ts';

const POLL_MS = 2_000;

export interface ViewState {
  reply: ViewReply | undefined;
  /** True when the newest question got no answer. */
  asksFail: boolean;
}

/** What the holder of a viewer token can see, asked again and again while the page is visible. Null: not yet. */
export function useViewReply(key: ViewerKey | null): ViewState {
  const query = useQuery({
    queryKey: ['view', key?.token],
    queryFn: ({ signal }) =>
      fetchView(viewStateUrl(key ?? { token: '', viewer: '' }, location.origin), signal),
    enabled: key !== null,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (isFinal(viewerPhase(state.data, false, initialLink)) ? false : POLL_MS),
  });
  return { reply: query.data, asksFail: query.isError };
}

import type { Preview, Sandbox, SandboxSession } from '@banata-boxes/sdk';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Link } from '../../remote/use-link.ts';
import { useLiveLink } from '../../remote/use-live-link.ts';
import { tabName } from '../../remote/tab-name.ts';
import { useViewReply } from '../../remote/use-view-reply.ts';
import { parseViewerLink } from '../../remote/viewer-link.ts';
import type { PreviewView } from '../../remote/view-reply.ts';
import type { ViewerKey } from '../../remote/view-urls.ts';
import type { ViewerPhase } from '../../remote/viewer-phase.ts';
import { previewReply } from './preview-reply.ts';
import { takesWork } from './session-facts.ts';

const STARTING_POLL_MS = 1_500;
/** Links are good for an hour. */
const RENEW_MS = 20 * 60 * 1000;

export interface LivePreview {
  phase: ViewerPhase;
  preview: Preview | undefined;
  /** State of the page, while there is one. */
  view: PreviewView | null;
  viewerKey: ViewerKey | null;
  link: Link;
}

/**
 * The live browser of a sandbox. The API is asked only for the links; what they show is then followed as a viewer page
 * does, since that does not count as activity: an open dashboard must not keep a sandbox alive.
 */
export function usePreview(sandbox: Sandbox, session: SandboxSession): LivePreview {
  const { data: preview, error } = useQuery({
    queryKey: ['preview', sandbox.id],
    queryFn: ({ signal }) => sandbox.getPreview({ signal }),
    enabled: takesWork(session),
    staleTime: RENEW_MS,
    refetchOnWindowFocus: true,
    refetchInterval: ({ state }) => (state.data ? RENEW_MS : STARTING_POLL_MS),
  });
  const token = preview?.viewerUrl ? (parseViewerLink(preview.viewerUrl)?.token ?? null) : null;
  const [viewer] = useState(tabName);
  const viewerKey = token === null ? null : { token, viewer };
  const { reply: answer, asksFail } = useViewReply(takesWork(session) ? viewerKey : null);
  const reply = previewReply({ session, preview, previewError: error, reply: answer });
  const { phase, link } = useLiveLink({ reply, asksFail });
  return { phase, preview, view: reply?.kind === 'view' ? reply.view : null, viewerKey, link };
}

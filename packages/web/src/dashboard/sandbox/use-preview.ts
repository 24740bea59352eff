import { BanataError, type Preview, type Sandbox, type SandboxSession } from '@banata-boxes/sdk';
import { useQuery } from '@tanstack/react-query';
import { useLink, type Link } from '../../remote/use-link.ts';
import { viewerPhase, wantsPicture, type ViewerPhase } from '../../remote/viewer-phase.ts';
import { previewReply } from './preview-reply.ts';
import { takesWork } from './session-facts.ts';

const POLL_MS = 3_000;

export interface LivePreview {
  phase: ViewerPhase;
  preview: Preview | undefined;
  link: Link;
}

/** State of the live browser of a sandbox. */
export function usePreview(sandbox: Sandbox, session: SandboxSession): LivePreview {
  const { data: preview, error } = useQuery({
    queryKey: ['preview', sandbox.id],
    queryFn: ({ signal }) => sandbox.getPreview({ signal }),
    enabled: takesWork(session),
    refetchInterval: POLL_MS,
  });
  const reply = previewReply(session, preview, error);
  const link = useLink(wantsPicture(reply));
  const unanswered = error instanceof BanataError && error.status !== 409;
  return { phase: viewerPhase(reply, unanswered, link.state), preview, link };
}

import type { LinkState, Wanted } from './link-state.ts';
import type { PreviewView, ViewReply } from './view-reply.ts';

/** What the page shows. */
export type ViewerPhase =
  | 'connecting'
  | 'starting'
  | 'live'
  | 'reconnecting'
  | 'paused'
  | 'unreachable'
  | 'failed'
  | 'ended'
  | 'expired'
  | 'incomplete';

const FINAL: ReadonlySet<ViewerPhase> = new Set(['ended', 'expired', 'incomplete']);

/** True when nothing can follow, so that asking again is of no use. */
export function isFinal(phase: ViewerPhase): boolean {
  return FINAL.has(phase);
}

function phaseOfSandbox(view: PreviewView): ViewerPhase | null {
  switch (view.sandboxStatus) {
    case 'ending':
    case 'ended':
      return 'ended';
    case 'failed':
      return 'failed';
    case 'pausing':
    case 'paused':
      return 'paused';
    case 'queued':
    case 'assigning':
      return 'starting';
    case 'ready':
    case 'active':
      return null;
  }
}

function phaseOfView(view: PreviewView): ViewerPhase | null {
  const phase = phaseOfSandbox(view);
  if (phase) return phase;
  return view.status === 'ready' ? null : view.status;
}

/** Whether the picture can be connected. */
export function wantsPicture(reply: ViewReply | undefined): Wanted {
  if (reply?.kind === 'expired') return 'hold';
  return reply?.kind === 'view' && phaseOfView(reply.view) === null ? 'yes' : 'no';
}

/**
 * What the page shows, from the last reply, whether the newest question failed, and the state of the picture.
 * A picture that is open outlives its link: the server alone decides when to cut it.
 */
export function viewerPhase(reply: ViewReply | undefined, asksFail: boolean, link: LinkState): ViewerPhase {
  const open = link.status === 'open';
  if (reply?.kind === 'gone') return 'ended';
  if (reply?.kind === 'expired') return open ? 'live' : 'expired';
  const phase = reply ? phaseOfView(reply.view) : null;
  if (phase) return phase;
  if (open) return 'live';
  if (asksFail) return 'unreachable';
  return link.openedAt === null ? 'connecting' : 'reconnecting';
}

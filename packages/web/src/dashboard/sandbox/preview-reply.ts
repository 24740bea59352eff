import { BanataError, type Preview, type SandboxSession } from '@banata-boxes/sdk';
import type { PreviewView, ViewReply } from '../../remote/view-reply.ts';
import { takesWork } from './session-facts.ts';

const NOTHING_YET: Omit<PreviewView, 'sandboxStatus'> = {
  status: 'starting',
  controlMode: 'ai',
  controller: null,
  leaseUntil: null,
  mayControl: false,
  inControl: false,
  handoff: null,
  now: 0,
  url: null,
  title: null,
  viewport: { width: 1280, height: 800 },
};

/** All that is known of a sandbox's browser. */
export interface Known {
  session: SandboxSession;
  preview: Preview | undefined;
  previewError: unknown;
  /** What the holder of a viewer link is told. */
  reply: ViewReply | undefined;
}

/** What can be seen of a sandbox, as a viewer page would be told it; undefined while nothing is known. */
export function previewReply({ session, preview, previewError, reply }: Known): ViewReply | undefined {
  const viewOf = (view: Omit<PreviewView, 'sandboxStatus'>): ViewReply => ({
    kind: 'view',
    view: { ...view, sandboxStatus: session.status },
  });
  if (!takesWork(session)) return viewOf(NOTHING_YET);
  if (reply) return reply;
  if (preview) return viewOf({ ...NOTHING_YET, ...preview, now: preview.updatedAt });
  const waits = previewError instanceof BanataError && previewError.status === 409;
  return waits ? viewOf(NOTHING_YET) : undefined;
}

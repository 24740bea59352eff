import { BanataError, type Preview, type SandboxSession } from '@banata-boxes/sdk';
import type { PreviewView, ViewReply } from '../../remote/view-reply.ts';

const NOTHING_YET: Omit<PreviewView, 'sandboxStatus'> = {
  status: 'starting',
  controlMode: 'ai',
  url: null,
  title: null,
  viewport: { width: 1280, height: 800 },
};

/** What can be seen of a sandbox, as the viewer page would be told it; undefined while nothing is known. */
export function previewReply(
  session: SandboxSession,
  preview: Preview | undefined,
  error: unknown,
): ViewReply | undefined {
  const waits = error instanceof BanataError && error.status === 409;
  const known = session.status !== 'ready' && session.status !== 'active';
  if (!preview && !waits && !known) return undefined;
  const view = preview && !waits ? preview : NOTHING_YET;
  return { kind: 'view', view: { ...view, sandboxStatus: session.status } };
}

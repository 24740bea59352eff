import type { WebhookPayload } from '@banata/protocol';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { Links } from '../links.ts';

/**
 * Adds what is signed as it is sent and never stored: a `viewerUrl` to requests for a person. Whoever has it can accept
 * and complete that request.
 */
export async function completePayload(
  payload: WebhookPayload,
  { links, store }: { links: Links; store: SandboxStore },
): Promise<WebhookPayload> {
  const { type, sandboxId, data } = payload;
  if (type !== 'sandbox.handoff.requested' || sandboxId === null) return payload;
  const { requestId, expiresAt } = data;
  const sandbox = await store.find(sandboxId);
  if (!sandbox || typeof requestId !== 'string' || typeof expiresAt !== 'number') return payload;
  const viewerUrl = links.forHandoff(sandbox, { id: requestId, expires_at: expiresAt });
  return { ...payload, data: { ...data, viewerUrl } };
}

import type { PreviewView } from './view-reply.ts';
import { controlUrl, type ViewerKey } from './view-urls.ts';

const TIMEOUT_MS = 10_000;

/** Takes control, renews it, or gives it back. Throws with the words of the server. */
export async function postControl(
  key: ViewerKey,
  mode: PreviewView['controlMode'],
  origin: string,
): Promise<void> {
  const response = await fetch(controlUrl(key, origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode, viewer: key.viewer }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    credentials: 'omit',
  });
  if (response.ok) return;
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(body.error ?? `The server answered ${response.status}`);
}

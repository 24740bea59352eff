import type { PreviewView, ViewReply } from './view-reply.ts';

const TIMEOUT_MS = 10_000;

/** Asks for the state behind a viewer link. Throws when the server does not answer or answers with a fault of its own. */
export async function fetchView(url: string, signal: AbortSignal): Promise<ViewReply> {
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    credentials: 'omit',
    cache: 'no-store',
  });
  if (response.ok) return { kind: 'view', view: (await response.json()) as PreviewView };
  if (response.status === 401 || response.status === 400) return { kind: 'expired' };
  if (response.status === 404) return { kind: 'gone' };
  throw new Error(`The server answered ${response.status}`);
}

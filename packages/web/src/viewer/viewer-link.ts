/** What a viewer link holds: `/view?session=SANDBOX_ID&token=TOKEN`. */
export interface ViewerLink {
  session: string | null;
  token: string;
}

/** Reads a viewer link; null when it has no token. */
export function parseViewerLink(href: string): ViewerLink | null {
  const { searchParams } = new URL(href);
  const token = searchParams.get('token');
  return token ? { session: searchParams.get('session'), token } : null;
}

function atOrigin(path: string, token: string, origin: string): URL {
  const url = new URL(path, origin);
  url.searchParams.set('token', token);
  return url;
}

/** URL of the state beside the picture. */
export function viewStateUrl(token: string, origin: string): string {
  return atOrigin('/v1/sandboxes/browser-preview/view', token, origin).href;
}

/** WebSocket URL of the picture. */
export function vncUrl(token: string, origin: string): string {
  const url = atOrigin('/v1/sandboxes/vnc', token, origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

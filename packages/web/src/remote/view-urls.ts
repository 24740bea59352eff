/** What a page shows the server to be let in. */
export interface ViewerKey {
  token: string;
  /** Name of the tab. */
  viewer: string;
}

function atOrigin(path: string, { token, viewer }: ViewerKey, origin: string): URL {
  const url = new URL(path, origin);
  url.searchParams.set('token', token);
  url.searchParams.set('viewer', viewer);
  return url;
}

/** URL of the state beside the picture. */
export function viewStateUrl(key: ViewerKey, origin: string): string {
  return atOrigin('/v1/sandboxes/browser-preview/view', key, origin).href;
}

/** URL that takes and gives back control. */
export function controlUrl({ token }: ViewerKey, origin: string): string {
  const url = new URL('/v1/sandboxes/browser-preview/view/control', origin);
  url.searchParams.set('token', token);
  return url.href;
}

/** WebSocket URL of the picture, at the server the page came from, whatever name or tunnel the person reached it by. */
export function vncUrl(key: ViewerKey, origin: string): string {
  const url = atOrigin('/v1/sandboxes/vnc', key, origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

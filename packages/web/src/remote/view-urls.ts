function atOrigin(path: string, token: string, origin: string): URL {
  const url = new URL(path, origin);
  url.searchParams.set('token', token);
  return url;
}

/** URL of the state beside the picture. */
export function viewStateUrl(token: string, origin: string): string {
  return atOrigin('/v1/sandboxes/browser-preview/view', token, origin).href;
}

/** WebSocket URL of the picture, at the server the page came from, whatever name or tunnel the person reached it by. */
export function vncUrl(token: string, origin: string): string {
  const url = atOrigin('/v1/sandboxes/vnc', token, origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** The same WebSocket at the server this page came from, whatever name or tunnel the person reached it by. */
export function atThisServer(wsUrl: string, origin: string): string {
  const { pathname, search } = new URL(wsUrl);
  const url = new URL(pathname + search, origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

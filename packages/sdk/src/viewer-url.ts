/**
 * Address of the standalone viewer page for a preview connection: a page with nothing but the live browser.
 *
 * @param connectionUrl `wsUrl` of a preview; its query holds the signed token.
 * @param appUrl Where the viewer page is served. Default: the server that the connection leads to; give another one
 * where a proxy has the page at an address of its own.
 * @returns null when there is no connection, or it has no token.
 * @example
 * ```ts
 * const preview = await sandbox.getPreview();
 * const url = buildPreviewViewerUrl(preview.wsUrl, 'https://boxes.example.com');
 * ```
 */
export function buildPreviewViewerUrl(
  connectionUrl: string | null | undefined,
  appUrl?: string,
): string | null {
  if (!connectionUrl || !URL.canParse(connectionUrl)) return null;
  const connection = new URL(connectionUrl);
  const query = connection.searchParams;
  const token = query.get('token');
  if (!token) return null;
  // `wss` becomes `https`, and `ws` `http`.
  appUrl ??= `${connection.protocol.replace(/^ws/, 'http')}//${connection.host}`;
  const viewer = new URL(`${appUrl.replace(/\/+$/, '')}/view`);
  for (const name of ['session', 'machine']) {
    const value = query.get(name);
    if (value) viewer.searchParams.set(name, value);
  }
  viewer.searchParams.set('token', token);
  return viewer.href;
}

/**
 * Address of the standalone viewer page for a preview connection: a page with nothing but the live browser.
 *
 * @param connectionUrl `wsUrl` of a preview; its query holds the signed token.
 * @param appUrl Where the viewer page is served: the URL of the server, unless a proxy has another one.
 * @returns null when there is no connection, or it has no token.
 * @example
 * ```ts
 * const preview = await sandbox.getPreview();
 * const url = buildPreviewViewerUrl(preview.wsUrl, 'https://boxes.example.com');
 * ```
 */
export function buildPreviewViewerUrl(
  connectionUrl: string | null | undefined,
  appUrl: string,
): string | null {
  if (!connectionUrl || !URL.canParse(connectionUrl)) return null;
  const query = new URL(connectionUrl).searchParams;
  const token = query.get('token');
  if (!token) return null;
  const viewer = new URL(`${appUrl.replace(/\/+$/, '')}/view`);
  for (const name of ['session', 'machine']) {
    const value = query.get(name);
    if (value) viewer.searchParams.set(name, value);
  }
  viewer.searchParams.set('token', token);
  return viewer.href;
}

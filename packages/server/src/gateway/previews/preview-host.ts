/**
 * The label a Host header names below the host of the previews: undefined when the request is for the API, an empty
 * text when it is for a preview that cannot exist. Whatever lies below that host is never the API, so that a page of a
 * sandbox shares no origin with it.
 * @param apiHost host name of the API's own URL.
 */
export function previewLabel(
  host: string | undefined,
  { previewHost, apiHost }: { previewHost: string; apiHost: string },
): string | undefined {
  const name = (host ?? '').replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
  if (name === apiHost || !name.endsWith(`.${previewHost}`)) return undefined;
  const label = name.slice(0, -previewHost.length - 1);
  return /^[0-9]{1,5}-[a-z0-9]{20}$/.test(label) ? label : '';
}

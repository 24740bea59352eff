const KEY = 'banata.viewer';

/** Name of this tab for the server, kept over a reload; whoever knows it acts for the tab. */
export function tabName(storage: Pick<Storage, 'getItem' | 'setItem'> = sessionStorage): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  try {
    const kept = storage.getItem(KEY);
    if (kept !== null && /^[\w-]{16,64}$/.test(kept)) return kept;
    storage.setItem(KEY, made);
  } catch {
    // Storage is blocked: control then ends with the page.
  }
  return made;
}

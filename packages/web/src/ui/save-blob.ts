/** Time the browser gets to begin with a download before its address is taken back, in ms. */
const KEEP_MS = 60_000;

/** Hands bytes to the person as a download. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

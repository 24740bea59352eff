/** Hands the content of a URL to the person as a download. In a tab of its own, so that nothing it may hold runs in this one. */
export function saveUrl(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  link.click();
}

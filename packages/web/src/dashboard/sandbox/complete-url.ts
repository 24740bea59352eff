/** A web address from what a person typed: without a scheme it is taken as https, or http for a machine close by. */
export function completeUrl(typed: string): string {
  const text = typed.trim();
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  const near = /^(localhost|127\.|\[::1\]|10\.|192\.168\.)/i.test(text);
  return `${near ? 'http' : 'https'}://${text}`;
}

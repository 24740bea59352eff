/**
 * Whether two addresses are the same page of a site: origin and path agree. Numbers and long ids in the path count as
 * the same, since the next order has another number; query and fragment are left out, which hold what was entered.
 */
export function isSamePlace(one: string, other: string): boolean {
  return placeOf(one) === placeOf(other);
}

function placeOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname, protocol } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return url;
  const segments = pathname
    .split('/')
    .map((part) => (/^[0-9a-f-]{16,}$/i.test(part) ? '#' : part.replaceAll(/\d+/g, '#')));
  return `${origin}${segments.join('/')}`;
}

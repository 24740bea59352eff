/** What a link to one request for a person holds: `/view?session=SANDBOX_ID&handoff=REQUEST_ID&token=TOKEN`. */
export function isHandoffLink(href: string): boolean {
  return new URL(href).searchParams.has('handoff');
}

/** URL of what can be seen and done of a request. */
export function handoffUrl(
  act: 'view' | 'accept' | 'renew' | 'fill' | 'complete',
  { token, viewer, origin }: { token: string; viewer?: string; origin: string },
): string {
  const url = new URL(`/v1/sandboxes/handoff/link${act === 'view' ? '' : `/${act}`}`, origin);
  url.searchParams.set('token', token);
  if (viewer !== undefined) url.searchParams.set('viewer', viewer);
  return url.href;
}

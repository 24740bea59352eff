/** What a viewer link holds: `/view?session=SANDBOX_ID&token=TOKEN`. */
export interface ViewerLink {
  session: string | null;
  token: string;
}

/** Reads a viewer link; null when it has no token. */
export function parseViewerLink(href: string): ViewerLink | null {
  const { searchParams } = new URL(href);
  const token = searchParams.get('token');
  return token ? { session: searchParams.get('session'), token } : null;
}

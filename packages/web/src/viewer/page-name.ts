interface Page {
  url: string | null;
  title: string | null;
}

/** How a page is named: its title, else its address, and the host it comes from. */
export function pageName(page: Page | null): { title: string; host: string | null } {
  const url = page?.url ?? null;
  const parsed = url && URL.canParse(url) ? new URL(url) : null;
  const host = parsed?.host || null;
  const blank = !url || parsed?.protocol === 'about:';
  const fallback = blank ? 'Live browser' : (host ?? url);
  return { title: page?.title?.trim() || fallback, host };
}

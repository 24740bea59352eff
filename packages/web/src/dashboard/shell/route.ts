import { useSyncExternalStore } from 'react';

/** Where the dashboard is: the list, or one sandbox. Kept behind `#`, so that the server needs no rule for it. */
export type Route = { page: 'list' } | { page: 'sandbox'; id: string };

const SANDBOX = /^#\/sandboxes\/([a-z0-9]{1,128})$/;

/** Reads the part of the address behind `#`. */
export function parseRoute(hash: string): Route {
  const id = SANDBOX.exec(hash)?.[1];
  return id ? { page: 'sandbox', id } : { page: 'list' };
}

/** Address of a sandbox's page. */
export function sandboxHref(id: string): string {
  return `#/sandboxes/${id}`;
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** Where the dashboard is now. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

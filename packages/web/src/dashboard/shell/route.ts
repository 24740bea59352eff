import { useSyncExternalStore } from 'react';

/** Parts of the settings. */
export type SettingsPart = 'keys' | 'models' | 'webhooks' | 'people' | 'usage' | 'audit' | 'organizations';

/** Where the dashboard is. Kept behind `#`, so that the server needs no rule for it and never sees an invitation. */
export type Route =
  | { page: 'list' }
  | { page: 'sandbox'; id: string }
  | { page: 'settings'; part: SettingsPart }
  | { page: 'invitation'; token: string };

const SANDBOX = /^#\/sandboxes\/([a-z0-9]{1,128})$/;
const SETTINGS = /^#\/settings\/(keys|models|webhooks|people|usage|audit|organizations)$/;
const INVITATION = /^#\/invitation\/([\w-]{1,200})$/;

/** Reads the part of the address behind `#`. */
export function parseRoute(hash: string): Route {
  const id = SANDBOX.exec(hash)?.[1];
  if (id) return { page: 'sandbox', id };
  const part = SETTINGS.exec(hash)?.[1];
  if (part) return { page: 'settings', part: part as SettingsPart };
  const token = INVITATION.exec(hash)?.[1];
  return token ? { page: 'invitation', token } : { page: 'list' };
}

/** Address of a sandbox's page. */
export function sandboxHref(id: string): string {
  return `#/sandboxes/${id}`;
}

/** Address of a part of the settings. */
export function settingsHref(part: SettingsPart): string {
  return `#/settings/${part}`;
}

function subscribe(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** Where the dashboard is now. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

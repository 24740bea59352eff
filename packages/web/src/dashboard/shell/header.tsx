import type { Identity } from '@banata/protocol';
import type { ReactNode } from 'react';
import { Brand } from './brand.tsx';
import { settingsHref } from './route.ts';

interface Props {
  identity: Identity;
  signingOut: boolean;
  onSignOut: () => void;
}

/** Top of every page: home, the settings, the API reference, who is signed in, and leaving. */
export function Header({ identity, signingOut, onSignOut }: Props): ReactNode {
  const link = 'rounded-md px-2 py-1.5 text-sm whitespace-nowrap text-soft hover:bg-raised hover:text-ink';
  const { user, apiKey, organization } = identity;
  const who = user ? `${user.email}, ${user.role}` : `Key “${apiKey?.name ?? ''}”`;
  return (
    <header className="sticky top-0 z-10 border-b border-line bg-panel">
      <div className="mx-auto flex h-13 max-w-7xl items-center gap-1 px-4 sm:px-6">
        <a href="#/" className="mr-auto rounded-md">
          <Brand />
        </a>
        <span
          className="min-w-0 truncate px-2 text-sm text-soft max-sm:hidden"
          title={`${who} in ${organization.name}`}
        >
          {who} · {organization.name}
        </span>
        <a href={settingsHref('keys')} className={link}>
          Settings
        </a>
        <a href="/docs" target="_blank" rel="noreferrer" className={link}>
          API
        </a>
        <button type="button" onClick={onSignOut} disabled={signingOut} className={link}>
          {user ? 'Sign out' : 'Forget key'}
        </button>
      </div>
    </header>
  );
}

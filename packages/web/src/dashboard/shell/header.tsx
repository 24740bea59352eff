import type { ReactNode } from 'react';
import { Brand } from './brand.tsx';

/** Top of every page: home, the API reference, and forgetting the key. */
export function Header({ onSignOut }: { onSignOut: () => void }): ReactNode {
  const link = 'rounded-md px-2 py-1.5 text-sm text-soft hover:bg-raised hover:text-ink';
  return (
    <header className="sticky top-0 z-10 border-b border-line bg-panel">
      <div className="mx-auto flex h-13 max-w-7xl items-center gap-1 px-4 sm:px-6">
        <a href="#/" className="mr-auto rounded-md">
          <Brand />
        </a>
        <a href="/docs" target="_blank" rel="noreferrer" className={link}>
          API
        </a>
        <button type="button" onClick={onSignOut} className={link}>
          Forget key
        </button>
      </div>
    </header>
  );
}

import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { ListPage } from '../list/list-page.tsx';
import { SandboxPage } from '../sandbox/sandbox-page.tsx';
import { ClientContext } from './client-context.ts';
import { connectClient } from './connect-client.ts';
import { Header } from './header.tsx';
import { KeyForm } from './key-form.tsx';
import { useRoute } from './route.ts';
import type { KeyStore } from './stored-key.ts';

/** The dashboard: the key first, then the sandboxes. */
export function App({ keys }: { keys: KeyStore }): ReactNode {
  const queries = useQueryClient();
  const route = useRoute();
  const [key, setKey] = useState(() => keys.read());
  const [refused, setRefused] = useState(false);

  const changeKey = useCallback(
    (next: string | null, isRefused: boolean): void => {
      keys.write(next);
      queries.clear();
      setKey(next);
      setRefused(isRefused);
    },
    [keys, queries],
  );
  const client = useMemo(
    () => (key === null ? null : connectClient(key, () => changeKey(null, true))),
    [key, changeKey],
  );

  if (!client) return <KeyForm refused={refused} onKey={(next) => changeKey(next, false)} />;
  return (
    <ClientContext value={client}>
      <div className="flex min-h-full flex-col">
        <Header onSignOut={() => changeKey(null, false)} />
        <main className="mx-auto w-full max-w-7xl flex-1 px-4 py-5 sm:px-6">
          {route.page === 'list' ? <ListPage /> : <SandboxPage key={route.id} id={route.id} />}
        </main>
      </div>
    </ClientContext>
  );
}

import type { Identity } from '@banata/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ListPage } from '../list/list-page.tsx';
import { SandboxPage } from '../sandbox/sandbox-page.tsx';
import { SettingsPage } from '../settings/settings-page.tsx';
import type { Server } from './connect.ts';
import { Header } from './header.tsx';
import type { Route } from './route.ts';
import { ServerContext } from './server-context.ts';

const RETRY_MS = 3_000;

interface Props {
  server: Server;
  route: Exclude<Route, { page: 'invitation' }>;
  onSignedOut: () => void;
}

/** All pages for somebody the server knows. */
export function SignedInApp({ server, route, onSignedOut }: Props): ReactNode {
  const me = useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => server.api.me(signal),
    refetchInterval: ({ state }) => (state.data === undefined ? RETRY_MS : false),
  });
  const signOut = useMutation({
    mutationFn: async () => {
      if (me.data?.user) await server.api.signOut();
    },
    onSuccess: onSignedOut,
  });

  if (!me.data) {
    return (
      <main className="mx-auto grid min-h-full max-w-xl place-items-center p-6">
        {me.error ? <ErrorNote error={me.error} /> : <Spinner />}
      </main>
    );
  }
  return (
    <ServerContext value={{ ...server, identity: me.data }}>
      <div className="flex min-h-full flex-col">
        <Header identity={me.data} signingOut={signOut.isPending} onSignOut={() => signOut.mutate()} />
        <main className="mx-auto w-full max-w-7xl flex-1 px-4 py-5 sm:px-6">
          <ErrorNote error={signOut.error} />
          {me.data.organization.status === 'suspended' ? (
            <Suspended organization={me.data.organization} />
          ) : (
            <Page route={route} />
          )}
        </main>
      </div>
    </ServerContext>
  );
}

function Suspended({ organization }: Pick<Identity, 'organization'>): ReactNode {
  const { name, suspendedReason } = organization;
  return (
    <p
      role="status"
      className="rounded-lg border border-wait/40 bg-wait/10 px-6 py-10 text-center wrap-anywhere"
    >
      {name} is suspended{suspendedReason ? `: ${suspendedReason}` : '.'} Ask the operator of this
      installation.
    </p>
  );
}

function Page({ route }: Pick<Props, 'route'>): ReactNode {
  if (route.page === 'sandbox') return <SandboxPage key={route.id} id={route.id} />;
  if (route.page === 'settings') return <SettingsPage part={route.part} />;
  return <ListPage />;
}

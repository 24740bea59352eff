import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { connect } from './connect.ts';
import { InvitationPage } from './invitation-page.tsx';
import type { Login } from './login.ts';
import { useRoute } from './route.ts';
import { SignInPage } from './sign-in-page.tsx';
import { SignedInApp } from './signed-in-app.tsx';
import type { KeyStore } from './stored-key.ts';

interface State {
  /** A session is tried before it is known to exist: pages cannot see its cookie. */
  login: Login | null;
  /** The kind of login that the server took before and takes no longer. */
  refused: Login['kind'] | null;
}

function firstState(keys: KeyStore): State {
  const key = keys.read();
  return { login: key === null ? { kind: 'session' } : { kind: 'key', key }, refused: null };
}

/** The dashboard: who uses it first, then the sandboxes. */
export function App({ keys }: { keys: KeyStore }): ReactNode {
  const queries = useQueryClient();
  const route = useRoute();
  const [{ login, refused }, setState] = useState(() => firstState(keys));

  useEffect(() => keys.write(login?.kind === 'key' ? login.key : null), [keys, login]);

  const enter = useCallback(
    (next: Login | null): void => {
      // Nothing of one person is shown to the next.
      queries.clear();
      setState({ login: next, refused: null });
    },
    [queries],
  );
  const server = useMemo(() => {
    if (login === null) return null;
    return connect(login, () => {
      const wasTaken = login.kind === 'key' || queries.getQueryData(['me']) !== undefined;
      // A late reply to an earlier login says nothing about the present one.
      setState((now) => (now.login === login ? { login: null, refused: wasTaken ? login.kind : null } : now));
    });
  }, [login, queries]);

  const enterSession = (): void => enter({ kind: 'session' });
  if (route.page === 'invitation') {
    return <InvitationPage key={route.token} token={route.token} onSignedIn={enterSession} />;
  }
  if (!login || !server) {
    return (
      <SignInPage refused={refused} onKey={(key) => enter({ kind: 'key', key })} onSignedIn={enterSession} />
    );
  }
  return (
    <SignedInApp
      server={server}
      route={route}
      // Behind the key of this tab there may be a session.
      onSignedOut={() => enter(login.kind === 'key' ? { kind: 'session' } : null)}
    />
  );
}

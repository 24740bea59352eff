import { useQuery } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { Brand } from './brand.tsx';
import { connect } from './connect.ts';
import { KeyForm } from './key-form.tsx';
import type { Login } from './login.ts';
import { PasswordForm } from './password-form.tsx';

interface Props {
  /** What the server took before and takes no longer. */
  refused: Login['kind'] | null;
  onKey: (key: string) => void;
  onSignedIn: () => void;
}

const REFUSED: Record<Login['kind'], string> = {
  key: 'The server no longer takes the key you used. Enter one that is valid.',
  session: 'Your session is over. Sign in again.',
};

/** Asks who uses the dashboard: by password, by the provider of the installation, or by API key. */
export function SignInPage({ refused, onKey, onSignedIn }: Props): ReactNode {
  const [way, setWay] = useState<'password' | 'key'>(refused === 'key' ? 'key' : 'password');
  const { api } = useMemo(() => connect({ kind: 'session' }, () => undefined), []);
  const methods = useQuery({ queryKey: ['methods'], queryFn: ({ signal }) => api.methods(signal) });
  const link = 'w-fit rounded-sm text-sm text-soft underline underline-offset-4 hover:text-ink';

  return (
    <main className="grid min-h-full place-items-center p-6">
      <div className="flex w-full max-w-sm flex-col gap-5">
        <h1 className="text-xl">
          <Brand />
        </h1>
        {refused && (
          <p role="status" className="rounded-md border border-wait/40 bg-wait/10 px-3 py-2 text-sm">
            {REFUSED[refused]}
          </p>
        )}
        {way === 'password' ? <PasswordForm api={api} onSignedIn={onSignedIn} /> : <KeyForm onKey={onKey} />}
        <p className="flex flex-wrap gap-x-5 gap-y-2">
          <button
            type="button"
            className={link}
            onClick={() => setWay(way === 'password' ? 'key' : 'password')}
          >
            {way === 'password' ? 'Use an API key' : 'Sign in with e-mail and password'}
          </button>
          {methods.data?.oidc && (
            <a href="/v1/auth/oidc/start" className={link}>
              Sign in with your provider
            </a>
          )}
        </p>
      </div>
    </main>
  );
}

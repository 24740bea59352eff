import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Field } from '../../ui/field.tsx';
import { Brand } from './brand.tsx';
import { connect } from './connect.ts';

const MIN_PASSWORD = 10;
const MAX_PASSWORD = 200;

/** Sets the password of somebody who was invited, and signs in. */
export function InvitationPage({ token, onSignedIn }: { token: string; onSignedIn: () => void }): ReactNode {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const accept = useMutation({
    mutationFn: () => {
      const { api } = connect({ kind: 'session' }, () => undefined);
      return api.acceptInvitation({ token, password, ...(name.trim() && { name: name.trim() }) });
    },
    onSuccess: () => {
      // The link is used up and need not stay in the history.
      history.replaceState(null, '', '#/');
      dispatchEvent(new HashChangeEvent('hashchange'));
      onSignedIn();
    },
  });
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    accept.mutate();
  };

  return (
    <main className="grid min-h-full place-items-center p-6">
      <form onSubmit={submit} className="flex w-full max-w-sm flex-col gap-5">
        <h1 className="text-xl">
          <Brand />
        </h1>
        <p className="text-sm leading-relaxed text-soft">
          You are invited to this server. Choose the password you will sign in with; the link works once.
        </p>
        <Field
          label="Your name (optional)"
          maxLength={100}
          autoComplete="name"
          value={name}
          onText={setName}
        />
        <Field
          label={`Password, at least ${MIN_PASSWORD} characters`}
          type="password"
          required
          minLength={MIN_PASSWORD}
          maxLength={MAX_PASSWORD}
          autoComplete="new-password"
          value={password}
          onText={setPassword}
        />
        <ErrorNote error={accept.error} />
        <Button type="submit" look="main" disabled={accept.isPending}>
          {accept.isPending ? 'Saving…' : 'Set password and sign in'}
        </Button>
        <a
          href="#/"
          className="w-fit rounded-sm text-sm text-soft underline underline-offset-4 hover:text-ink"
        >
          I have an account already
        </a>
      </form>
    </main>
  );
}

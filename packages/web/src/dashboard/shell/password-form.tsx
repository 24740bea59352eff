import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Field } from '../../ui/field.tsx';
import { organizationChoice } from './organization-choice.ts';
import type { ServerApi } from './server-api.ts';

/** Signs in; where the address and password are good for several organizations, asks for one. */
export function PasswordForm({ api, onSignedIn }: { api: ServerApi; onSignedIn: () => void }): ReactNode {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: (organizationId: string | undefined) =>
      api.signIn({ email: email.trim(), password, ...(organizationId && { organizationId }) }),
    onSuccess: onSignedIn,
  });
  const choice = organizationChoice(signIn.error);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    signIn.mutate(undefined);
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <Field label="E-mail" type="email" required autoComplete="username" value={email} onText={setEmail} />
      <Field
        label="Password"
        type="password"
        required
        autoComplete="current-password"
        value={password}
        onText={setPassword}
      />
      <p className="-mt-3 text-sm leading-relaxed text-soft">
        <code className="text-ink">./banata status</code> says where the first owner’s password is.
      </p>
      {choice ? (
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-2 text-sm text-soft">These are good for several organizations. Which?</legend>
          {choice.map(({ id, name }) => (
            <Button key={id} disabled={signIn.isPending} onClick={() => signIn.mutate(id)}>
              {name}
            </Button>
          ))}
        </fieldset>
      ) : (
        <ErrorNote error={signIn.error} />
      )}
      <Button type="submit" look="main" disabled={signIn.isPending}>
        {signIn.isPending ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}

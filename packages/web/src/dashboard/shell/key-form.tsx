import { BanataError } from '@banata-boxes/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode, type SyntheticEvent } from 'react';
import { Button } from '../../ui/button.tsx';
import { ErrorNote } from '../../ui/error-note.tsx';
import { Field } from '../../ui/field.tsx';
import { connect } from './connect.ts';

/** True when the server answered that the key is not good, or the client that it is no key at all. */
function isRefusal(error: unknown): boolean {
  return error instanceof BanataError && (error.status === 401 || error.code === 'INVALID_ARGUMENT');
}

/** Asks for the API key and tries it. */
export function KeyForm({ onKey }: { onKey: (key: string) => void }): ReactNode {
  const [key, setKey] = useState('');
  const attempt = useMutation({
    mutationFn: async (candidate: string) => {
      await connect({ kind: 'key', key: candidate }, () => undefined).api.me();
      return candidate;
    },
    onSuccess: onKey,
  });
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    attempt.mutate(key.trim());
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <Field
        label="API key"
        type="password"
        required
        autoComplete="off"
        spellCheck={false}
        placeholder="br_live_…"
        value={key}
        onText={setKey}
        aria-describedby="key-hint"
        className="font-mono"
      />
      <p id="key-hint" className="-mt-3 text-sm leading-relaxed text-soft">
        <code className="text-ink">./banata up</code> prints your first key, also when the server runs
        already. The key stays in this tab and is forgotten when you close it.
      </p>
      {isRefusal(attempt.error) ? (
        <p role="alert" className="rounded-md border border-bad/40 bg-bad/10 px-3 py-2 text-sm">
          The server does not take this key. Check that you copied all of it, and that it is neither revoked
          nor expired.
        </p>
      ) : (
        <ErrorNote error={attempt.error} />
      )}
      <Button type="submit" look="main" disabled={attempt.isPending}>
        {attempt.isPending ? 'Trying…' : 'Continue'}
      </Button>
    </form>
  );
}
